"""The HTTP service: it parses a request, runs the neural network, and shapes the reply.

Reading order: `main.py` puts the application together. `api/` has one file for each group of endpoints, with
the wire types in `api/schemas.py`. `http/` is what all endpoints share: JSON endpoints, error responses,
middleware. `predictor.py` runs the network. `pictures/` receives and decodes picture files. `oip/` is the
Open Inference Protocol. `observability/` has counters, logs and traces. `process/` is the server process, its
workers and its shutdown. `settings.py` lists every setting.
"""
