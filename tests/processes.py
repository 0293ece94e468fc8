"""Functions that run in a process of their own."""

import multiprocessing

SPAWN = multiprocessing.get_context("spawn")  # as the service starts its workers


def run_in_process(function, *arguments):
    """Call a function in a new process, and wait until the process has ended.

    Args:
        function: Function at the top level of a module.
        arguments: Its arguments.
    """
    process = SPAWN.Process(target=function, args=arguments)
    process.start()
    process.join()
