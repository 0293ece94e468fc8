"""The HTTP edge: parse, ask the network, shape the reply.

Reading order: `main.py` composes the service, `routes/` has one file a subject, `schemas.py` the
wire types, `oip/` the Open Inference Protocol, `problems.py` the errors, `telemetry.py` ids and logs,
`server.py` the process.
"""
