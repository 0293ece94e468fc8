"""Applications that the contenders run, except this service itself."""
