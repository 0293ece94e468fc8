"""One file a subject; each builds its router from the values that it needs."""
