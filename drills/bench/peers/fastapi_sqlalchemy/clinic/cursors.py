"""Cursors: the position of the last row of a page, signed for its list and its reader."""

import base64
import hmac
from datetime import datetime
from uuid import UUID

from fastapi import HTTPException

from clinic import settings

SIGNATURE_BYTES = 16


def write(scope: str, at: datetime, id_: UUID) -> str:
    position = f"{at.isoformat()}|{id_}".encode()
    return base64.urlsafe_b64encode(_signature(scope, position) + position).decode()


def read(scope: str, cursor: str) -> tuple[datetime, UUID]:
    try:
        found = base64.urlsafe_b64decode(cursor)
        signature, position = found[:SIGNATURE_BYTES], found[SIGNATURE_BYTES:]
        if hmac.compare_digest(signature, _signature(scope, position)):
            at, _, id_ = position.decode().partition("|")
            return datetime.fromisoformat(at), UUID(id_)
    except ValueError:
        pass
    raise HTTPException(422, "The cursor is not from this list")


def _signature(scope: str, position: bytes) -> bytes:
    message = scope.encode() + b"|" + position
    return hmac.digest(settings.SECRET_KEY.encode(), message, "sha256")[:SIGNATURE_BYTES]
