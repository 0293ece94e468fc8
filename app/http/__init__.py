"""HTTP behaviour that all endpoints share.

`middleware` is the outermost layer: request ids, counts, the access log and the last error handler. It keeps a
`request_record` and checks each `request_head`. `error_responses` builds error responses, by default in the format
of `problems`, with the words of `field_errors`. `json_endpoint` answers requests with a JSON body, which `body`
receives, `content_coding` decodes and `json_body` parses. `routing` adds and lists routes. `admission` limits expensive
work. `headers` and `scope` read headers and ASGI scopes.
"""
