"""Functions that run in a process of their own."""

import multiprocessing

# The service starts its workers by `spawn`, and its arguments are pickled in the same way. With `forkserver`, a process
# starts from one that has imported the slow packages already.
SPAWN = multiprocessing.get_context("spawn")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["app.main", "hypothesis", "pytest"])


def run_in_process(function, *arguments):
    """Call a function in a new process, and wait until the process has ended.

    Args:
        function: Function at the top level of a module.
        arguments: Its arguments.
    """
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    process.join()
