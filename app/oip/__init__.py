"""The Open Inference Protocol, version 2 (KServe's "V2", Triton's REST): bytes in, bytes out.

`messages` says what travels, `envelope` takes a body apart, `tensors` turns tensors into arrays and back,
`describe` tells what the model takes and gives, `statistics` counts, `errors` names what can be wrong, and
`schema` is for OpenAPI. `app/routes/oip.py` puts them behind addresses; nothing here knows of requests.
"""
