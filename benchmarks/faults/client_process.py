"""Clients in a process of their own, so that they do not compete with the measurement for the interpreter."""

import asyncio
import multiprocessing
from contextlib import closing, contextmanager

SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def client_process(run_clients, *arguments):
    """Run clients until the end of the `with` block.

    Args:
        run_clients: Coroutine function of a pipe and the arguments. It sends a message when the load may start, stops
            when the pipe has a message, and returns a list.
        arguments: The further arguments of the function.
    Yields:
        A list that is empty until the end of the block. Then it has the items of the returned list.
    """
    results: list[object] = []
    pipe, pipe_of_process = SPAWN.Pipe()
    process = SPAWN.Process(target=_run, args=(pipe_of_process, run_clients, arguments), daemon=True)
    with closing(pipe):
        process.start()
        pipe_of_process.close()  # without this copy of it, `recv` fails if the process dies
        pipe.recv()
        try:
            yield results
        finally:
            pipe.send("stop")
            results.extend(pipe.recv())
            process.join()


def _run(pipe, run_clients, arguments):
    """Run the clients in their process, and send what they return."""
    pipe.send(asyncio.run(run_clients(pipe, *arguments)))
