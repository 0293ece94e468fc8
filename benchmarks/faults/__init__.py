"""Benchmark of faults: what loads that a server must bound or reject do to it, and to the clients beside them.

Modules, in reading order:
    loads: The loads, each of which has a row in the table, and their `requests`.
    measure: Starts the service anew for each load, and measures it before, during and after the load.
    attacks: Connections that send half a request, never read, or arrive all at once.
    hostile_files: Picture files that cost as much CPU time or memory as possible.
    good_clients: Probes and single predictions beside a load, from a process of their own.
    table: The table of the results.

The service runs on one core. wrk, the attacks and the good clients share another core.
"""
