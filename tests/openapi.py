"""The parts of an OpenAPI document."""


def operations(document):
    """List the path and the description of each operation."""
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


def find_all(node, key):
    """Yield the values of a key everywhere in a JSON value."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from find_all(child, key)


def resolve(document, reference):
    """Return the part of the document that a reference names."""
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node
