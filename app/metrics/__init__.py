"""What the service did, counted on every request, summed over its workers, and written in two forms.

`board` is memory that all workers share, `layout` says whose each of its cells is, `instruments` count there,
`reply` sums up what `/metrics` says as JSON, `prometheus` writes the same for scrapers, and `negotiation`
chooses between the two.
"""
