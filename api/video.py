"""Tokens for the video rooms of consultations: JWT (RFC 7519) for LiveKit or Jitsi.

The database decides who enters which room and when: api.join_consultation. What is here signs that
for the video service, which the client then connects to itself.
"""

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import jwt

from api.auth import LEEWAY_SECONDS
from api.config import Settings
from api.errors import Problem

ALGORITHM = "HS256"
Claims = dict[str, Any]


class Admission(NamedTuple):
    """What the client of a video service needs: its address, and the claims of a token."""

    url: str
    secret: str
    claims: Claims


def require_service(settings: Settings) -> None:
    """Raise Problem 501 if the clinic has no video service."""
    if settings.video_provider not in _SERVICES:
        raise Problem(
            501, "This clinic has no video consultations: it has set up no video service."
        )


def link(settings: Settings, joined: dict[str, Any]) -> dict[str, str]:
    """The address and a new token for a row of api.video_joins.

    The token is valid for VIDEO_TOKEN_MINUTES and not longer than the room is open. The services
    check it when a client connects; they do not end a call when it expires.
    """
    admission = _SERVICES[settings.video_provider](settings, joined)
    now = int(time.time())
    closes = datetime.fromisoformat(joined["closes_at"])
    expires = min(now + settings.video_token_minutes * 60, int(closes.timestamp()))
    claims = {
        "iat": now,
        "nbf": now - LEEWAY_SECONDS,  # not every service allows for a difference of clocks
        "exp": expires,
        "jti": uuid4().hex,
        **admission.claims,
    }
    return {
        "provider": settings.video_provider,
        "url": admission.url,
        "token": jwt.encode(claims, admission.secret, ALGORITHM),
        "expires_at": f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "opens_at": joined["opens_at"],
        "closes_at": joined["closes_at"],
    }


def _livekit(settings: Settings, joined: dict[str, Any]) -> Admission:
    # Each grant is stated: the SDKs of LiveKit have different defaults for those that are absent.
    grants = {
        "room": joined["room"],
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
    }
    claims = {
        "iss": settings.livekit_api_key,
        "sub": joined["user_id"],  # a second connection of a user replaces the first
        "name": joined["full_name"],
        "video": grants,
    }
    return Admission(settings.livekit_url, settings.livekit_api_secret, claims)


def _jitsi(settings: Settings, joined: dict[str, Any]) -> Admission:
    is_doctor = joined["role"] == "doctor"
    user = {
        "id": joined["user_id"],
        "name": joined["full_name"],
        # As texts: lib-jitsi-meet takes only texts, numbers and null in this object.
        "moderator": "true" if is_doctor else "false",
        "affiliation": "owner" if is_doctor else "member",  # for Prosody's token_affiliation
    }
    claims = {
        "iss": settings.jitsi_app_id,
        "aud": "jitsi",
        "sub": urlsplit(settings.jitsi_url).hostname,
        "room": joined["room"],
        "context": {"user": user},
    }
    return Admission(f"{settings.jitsi_url}/{joined['room']}", settings.jitsi_secret, claims)


_SERVICES = {"livekit": _livekit, "jitsi": _jitsi}
