"""The header Idempotency-Key. The database keeps the outcome of each key: app.claim_key."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g, request

from api.errors import Problem

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
# A string of RFC 8941, section 3.3.3, or the same characters without quotes.
QUOTED_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
BARE_KEY = re.compile(r"[!#-~][ -~]*")
# Both of them in the words of ECMA-262, for the document.
PATTERN = r'^([!#-~]([ -~]*[!-~])?|"([ !#-\[\]-~]|\\["\\])+")$'


def idempotent(*, key_required: bool) -> Callable[[View], View]:
    """Pass the header Idempotency-Key to a view as `idempotency_key`: a str, or None without one.

    Raises Problem 400 if the key is malformed or, with `key_required`, if it is missing.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def keyed(*args: Any, **kwargs: Any) -> Any:
            g.idempotency_key = _idempotency_key(key_required)
            return view(*args, idempotency_key=g.idempotency_key, **kwargs)

        keyed._key_required = key_required  # type: ignore[attr-defined]  # for the document
        return keyed  # type: ignore[return-value]

    return decorate


def check(view: Callable[..., Any]) -> None:
    """Raise Problem 400 if the present request does not have the key that its view takes."""
    if (required := getattr(view, "_key_required", None)) is not None:
        _idempotency_key(required)


def _idempotency_key(required: bool) -> str | None:
    given = request.headers.get(HEADER)
    if given is None and not required:
        return None
    header = (given or "").strip()
    quoted = QUOTED_KEY.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not (quoted or BARE_KEY.fullmatch(header)) or not 1 <= len(key) <= 255:
        detail = "Send the header Idempotency-Key once, with 1 to 255 printable characters."
        raise Problem(400, detail, errors=[{"header": HEADER, "detail": detail}])
    return key
