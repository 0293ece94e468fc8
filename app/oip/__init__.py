"""The Open Inference Protocol, version 2 (KServe's "V2", Triton's REST), free of HTTP.

`messages` says what travels, `envelope` takes a body apart and closes one, `tensors` turns tensors into
arrays and back, `describe` tells what the model takes and gives, `statistics` counts.
`app/routes/oip.py` puts them behind addresses.
"""
