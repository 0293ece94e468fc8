"""Benchmark of faults: loads that the service must bound or reject, and stops, reloads and kills under load.

Modules for the table of loads, in reading order:
    loads: The loads, each of which has a row in the table, and their `requests`.
    measure: Starts the service anew for each load, and measures it before, during and after the load.
    attacks: Connections that send half a request, never read, or arrive all at once.
    hostile_files: Picture files that cost as much CPU time or memory as possible.
    good_clients: Probes and single predictions beside a load, from a process of their own (`client_process`).
    table: The table of the results.

Modules for the table of events:
    event: The form of an event and of its measurement.
    events: The events of one service, each of which has a row in the table.
    service: The service during an event: its signals, its processes and its metrics.
    weights_file: A file of weights that is exchanged or damaged, and the check of the answers.
    continuous_clients: Clients that count exactly what they lose.
    report_figures: Figures from the metrics that the service has reported.
    replica_events: The events of three replicas behind a load balancer, each of which has a row, too.
    replicas: The replicas: their starts, their ends, and their use.
    namespaces: Network namespaces for the replicas, or loopback ports on a machine without them.
    balancers: HAProxy and nginx, with the files of `deploy/proxies`.
    event_table: The table of the results.

The service runs on one core. wrk, the attacks, the load balancers and all clients share another core.
"""
