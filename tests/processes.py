"""Functions that run in a process of their own."""

import multiprocessing

# As with `spawn`, by which the service starts its workers, a process inherits nothing and gets its arguments pickled.
# But it starts from a process that has imported the slow packages already.
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
