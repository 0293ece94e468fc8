"""Helper for tests of the access log."""

import json


def access_log_lines(capsys):
    """Return the lines of the access log that were written since the last call, parsed."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]
