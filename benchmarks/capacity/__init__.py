"""Capacity: measures the cost of each kind of request, and computes how many cores a load needs.

Modules, in reading order:
    model: The model of one worker; it computes rates from costs.
    plan: Computes the number of workers.
    kinds: The kinds of requests, and their costs from the measured constants.
    generator: Sends requests at planned times, and measures their latency.
    machine: The CPU time that other programs take, and the connections of each worker.
    constants: Measures the constants of the model.
    checks: Measures the highest rate of one and of two workers, and compares it with the model.
    report: Writes tables and sentences.
"""
