"""What Reason headers say (RFC 3326): several values in one of them, or several headers, each of its own protocol."""

import re

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_CAUSE = re.compile(r"\bQ\.850\b[^,]*?;\s*cause\s*=\s*(\d+)", re.IGNORECASE)


def q850_cause(values: str) -> int | None:
    """The first Q.850 cause among these values, None where there is none; what is quoted is only said to people."""
    found = _CAUSE.search(_QUOTED.sub('""', values))
    return int(found.group(1)) if found else None
