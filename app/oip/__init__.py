"""The Open Inference Protocol, version 2: KServe's "V2" protocol and Triton's REST protocol.

`codec` converts between the protocol's bytes and arrays and needs no web framework. `routes` has the addresses below
`/v2`, and `inference` answers the inference requests. `error_format` writes errors as the protocol requires,
and `openapi` describes the bodies that FastAPI cannot derive from a signature.
"""
