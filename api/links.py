"""Addresses in headers: Location (RFC 9110, section 10.2.2) and Link (RFC 8288)."""

import re
from urllib.parse import quote, unquote_plus

# The body of a list ends with its cursor, as PostgreSQL writes it.
NEXT_CURSOR = re.compile(rb'"next_cursor" ?: ?"([\w-]+)"\}\Z', re.ASCII)
LONGEST_END = 1100  # bytes of that end: a cursor has up to 1000
ID = re.compile(rb'\{"id": ?"([0-9a-f-]{36})"')  # how the body of a new resource begins
URI = "!$&'()*+,;=:@/?%"  # characters of a query (RFC 3986, section 3.4), besides unreserved ones
# A query that needs no change: neither a cursor, nor a character that has to be encoded.
PLAIN = re.compile(r"(?!.*cursor)\w[\w.~&=+:,-]*\w|", re.ASCII)


def location(template: str, body: bytes, caller: str) -> str:
    """The address of a new resource.

    template: such as /v1/doctors/{id}, whose {id} is that of the body, and {caller} the id of the
    caller.
    """
    found = ID.match(body)
    if found:
        return template.replace("{id}", found[1].decode())
    return template.replace("{caller}", caller)


def next_page(path: str, query: str, body: bytes) -> str | None:
    """The header Link of a page of a list; None for the last page.

    query: as it was received, without its question mark.
    """
    found = NEXT_CURSOR.search(body, max(0, len(body) - LONGEST_END))
    if not found:
        return None
    if not PLAIN.fullmatch(query):
        query = _without_cursor(query)
    others = f"{query}&" if query else ""
    return f'<{path}?{others}cursor={found[1].decode()}>; rel="next"'


def _without_cursor(query: str) -> str:
    pairs = [pair for pair in query.split("&") if pair and not _is_cursor(pair)]
    return quote("&".join(pairs).encode("latin-1"), safe=URI)


def _is_cursor(pair: str) -> bool:
    return unquote_plus(pair.partition("=")[0]) == "cursor"
