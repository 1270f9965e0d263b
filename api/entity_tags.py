"""Entity tags (RFC 9110, section 8.8.3), and requests that depend on them (section 13).

A tag is the beginning of the SHA-256 hash of a body. The database computes the same tag of the row
that a request changes, under its lock: app.require_version.
"""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

from werkzeug.http import parse_etags

from api import present
from api.errors import Problem

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "If-Match"
# The end of the tag of a compressed answer: it has other bytes (RFC 9110, section 8.8.3.3).
COMPRESSED = "-gzip"
# PostgreSQL writes the first for what an answer may write as the second.
UTC, Z = b'+00:00"', b'Z"'
CHANGED = "The resource has changed since it was read: read it again."


def tag_of(body: bytes) -> str:
    """The entity tag of a body, with its quotes."""
    return f'"{sha256(body.replace(UTC, Z)).hexdigest()[:32]}"'


def of_compressed(tag: str) -> str:
    """The entity tag of the compressed form of an answer."""
    return f'{tag[:-1]}{COMPRESSED}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether a client has the answer with `tag` already, in either form.

    if_none_match: the header If-None-Match, whose comparison is weak.
    """
    known, opaque = parse_etags(if_none_match), tag[1:-1]
    return known.contains_weak(opaque) or known.contains_weak(opaque + COMPRESSED)


def require_match(tag: str | None, if_match: str) -> None:
    """Raise Problem 412 unless the header If-Match names `tag`; None is a resource without one."""
    accepted = parse_etags(if_match)
    if accepted.star_tag or (tag is not None and tag[1:-1] in _opaque(if_match)):
        return
    detail = CHANGED if tag else "This address has no entity tag: send the request without it."
    raise Problem(412, detail, errors=[{"header": HEADER, "detail": detail}])


def changes_version(view: View) -> View:
    """Pass the header If-Match to a view as `versions`: a list of tags, or None without one.

    The function of the database refuses another version with TM501 (412), and None with TM601
    (428). Without this decorator a route that writes refuses every tag with 412.
    """

    @wraps(view)
    def changing(*args: Any, **kwargs: Any) -> Any:
        given = present.request().environ.get("HTTP_IF_MATCH")
        return view(*args, versions=_opaque(given) if given else None, **kwargs)

    changing._changes_version = True  # type: ignore[attr-defined]  # for the document
    return changing  # type: ignore[return-value]


def _opaque(if_match: str) -> list[str]:
    accepted = parse_etags(if_match)
    # The comparison is strong, so weak tags never match.
    if accepted.star_tag:
        return ["*"]
    # Werkzeug has None for the empty tag, "".
    tags = ((tag or "").removesuffix(COMPRESSED) for tag in accepted.as_set())
    return [tag for tag in tags if tag != "*"]  # with quotes it is a tag, which no version has
