"""What a prediction costs over HTTP: ours, the limits, a textbook handler, and other servers.

`contenders` says who is measured and how each is asked, and `apps` holds what they serve. `comparison` starts
each as a `process`, holds its answers right by `probe`, and sends it a `load` by wrk; `requests` are those
that only ours gets, and `scaling` sends them in many sizes. `goals`, `report` and `plots` say what came out.
"""
