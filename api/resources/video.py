"""Video rooms of consultations."""

import json
from uuid import UUID

from marshmallow import fields

from api import db, examples, video
from api.auth import signed_in
from api.config import VIDEO_SETTINGS, current
from api.fields import Choice, Row
from api.openapi import example, refuses
from api.routing import Blueprint

blp = Blueprint("video", "Video rooms of consultations")


class VideoLink(Row):
    """The way into the video room of a consultation."""

    provider = Choice("VideoProvider", tuple(VIDEO_SETTINGS))
    url = fields.String(
        metadata={
            "description": "livekit: the server, for the SDK of LiveKit; jitsi: the page of the"
            " room, to which `?jwt=` and the token are appended"
        }
    )
    token = fields.String(
        metadata={"description": "a JWT for the video service, not for this API; keep it secret"}
    )
    expires_at = fields.DateTime(
        metadata={"description": "until when a client can connect with the token"}
    )
    opens_at = fields.DateTime(metadata={"description": "when the room opens"})
    closes_at = fields.DateTime(
        metadata={"description": "until when a token for the room is given out"}
    )


@blp.post("/consultations/<uuid:consultation_id>/join")
@signed_in("patient", "doctor")
@refuses(409, 501)
@example(consultation_id=examples.BEGUN)
@blp.answers(200, VideoLink)
def join_consultation(consultation_id: UUID) -> bytes:
    """Join the video room of a consultation

    For its patient and its doctor, from 15 minutes before the start until 30 minutes after the end.
    Outside that time the answer is 409 with `opens_at` and `closes_at`. Every call returns a new
    token, so a client that has lost its connection joins again. 501 if the clinic has no video
    service.
    """
    video.require_service(current())
    joined = json.loads(db.call("join_consultation", consultation_id=consultation_id))
    return json.dumps(video.link(current(), joined)).encode()
