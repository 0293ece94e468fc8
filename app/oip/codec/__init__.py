"""The codec of the Open Inference Protocol: from bytes to arrays and back, without a web framework.

`messages` has the wire types. `body` separates the JSON of a body from its binary tensors, and `tensors` converts
tensors to arrays and arrays to tensors. `metadata` describes the model, `statistics` counts inferences, and `errors`
has the exceptions.
"""
