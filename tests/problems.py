"""Helper that checks error responses."""


def read_problem(reply, status=422):
    """Check that a reply is a problem document with the given status, and return the document."""
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()
