"""What the service did, counted on every request, summed over its workers, and written in two forms.

`board` is memory that all workers share, `instruments` write to it, `snapshot` sums it up, `reply` and
`prometheus` give the same numbers as JSON and as Prometheus' text, and `negotiation` chooses between them.
"""
