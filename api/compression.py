"""Compressed answers, for clients that accept gzip (RFC 9110, section 8.4.1.3).

Only answers to GET are compressed. The answers with tokens, secrets and recovery codes are those to
POST: the length of a compressed secret could reveal it (the attack BREACH). Flask-Compress would
look at every answer, and needs three more compressors.
"""

import gzip
from functools import lru_cache

from flask import Flask, Response
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from api import entity_tags, present

MINIMUM_BYTES = 1400  # a shorter answer fits into one packet
LEVEL = 4  # the best of those that take little time


def register(app: Flask) -> None:
    """Compress the answers of `app`."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    chunks = response.response  # a file is not a list
    if response.status_code != 200 or not isinstance(chunks, list):
        return response
    if len(chunks) != 1 or len(chunks[0]) < MINIMUM_BYTES:
        return response
    request = present.request()
    if request.method not in ("GET", "HEAD"):
        return response
    headers = response.headers
    headers.add("Vary", "Accept-Encoding")
    if _is_accepted(request.environ.get("HTTP_ACCEPT_ENCODING", "")):
        response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
        headers["Content-Encoding"] = "gzip"
        if tag := headers.get("ETag"):
            headers["ETag"] = entity_tags.of_compressed(tag)
    return response


@lru_cache
def _is_accepted(accept_encoding: str) -> bool:
    return parse_accept_header(accept_encoding, Accept).quality("gzip") > 0
