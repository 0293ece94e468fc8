"""Picture files: `upload` receives a file, and `decode` converts it to the image for the network."""
