"""What is measured, and never asserted: run by `make bench-…`, quoted by the docs."""
