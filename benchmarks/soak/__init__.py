"""Soak test: the service for some minutes under a mixed load, with reloads and with workers that are killed.

Modules, in reading order:
    requests: The kinds of requests, their shares, and their expected answers.
    answers: Judges answers, and tallies the outcomes of requests.
    client: One client, which sends a request and receives the answer.
    clients: All clients, in a process of their own: first in a closed loop, then at planned times.
    service: Starts, reloads and stops the service, and kills a worker.
    samples: Memory, descriptors and counters of the service, each second.
    course: The course of the test.
    verdict: The reasons for which the test fails.
    table: The table of the results, one row a minute.
    plot: The plot of the results.

The service runs on one core. The clients and this process share another core.
"""
