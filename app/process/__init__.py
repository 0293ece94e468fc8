"""The server process: from the listening socket to the graceful shutdown.

`server` opens the listening socket and runs uvicorn, in one process or under the `supervisor` of several workers.
`worker` prepares the application in each serving process. `drain` announces and delays the shutdown. `http_protocol`
corrects uvicorn's HTTP parsing, and `tuning` sets the allocator and the garbage collector.
"""
