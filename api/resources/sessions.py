"""The sessions of the caller."""

from uuid import UUID

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Row, page_by, page_of
from api.routing import Arguments, Blueprint

blp = Blueprint("sessions", "The sessions of the caller")


class Session(Row):
    """A log-in that is still valid."""

    id = fields.UUID()
    created_at = fields.DateTime(metadata={"description": "time of the log-in"})
    expires_at = fields.DateTime(metadata={"description": "the latest time at which it ends"})
    last_used_at = fields.DateTime(metadata={"description": "time of the log-in or last refresh"})
    is_current = fields.Boolean(metadata={"description": "true for the session of this request"})


@blp.get("/me/sessions")
@signed_in()
@blp.query(page_by("created_at", "-created_at"))
@blp.answers(200, page_of(Session))
def list_sessions(query: Arguments) -> bytes:
    """List the caller's sessions"""
    return db.page("list_sessions", **query)


@blp.delete("/me/sessions/<uuid:session_id>")
@signed_in()
@blp.answers(204)
def end_session(session_id: UUID) -> None:
    """End one of the caller's sessions

    All its tokens, the access token included, are invalid at once.
    """
    db.run("end_session", session_id=session_id)
