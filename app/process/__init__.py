"""The processes of the service, from the listening socket to the graceful shutdown.

Modules, in reading order:

service            runs one serving process, or a supervisor with several
service_state      the state that all processes share: drain, shared_bytes, and the shared counters
keys, tls, reload  the keys of the clients; the certificate; reading the files again
supervisor         starts the workers, replaces dead ones, and handles the signals
server             uvicorn's server with a graceful shutdown
worker             the application of one process, which a reload exchanges
listener           the listening socket, and the end of listening
http_protocol      uvicorn's HTTP parser with limits; connection_limits, input_flow, lingering, upgrade, raw_answers
tuning, terminal   the allocator and the garbage collector; the terminal of the service
health_check       a program of its own, for the container
"""
