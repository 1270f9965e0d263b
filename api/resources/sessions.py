"""Where one is logged in, and logging out elsewhere."""

from uuid import UUID

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import PageQuery, Row, page_of
from api.routing import Arguments, Blueprint

blp = Blueprint("sessions", "Where one is logged in")


class Session(Row):
    """A session that is in force."""

    id = fields.UUID()
    created_at = fields.DateTime(metadata={"description": "time of the log-in"})
    expires_at = fields.DateTime(metadata={"description": "it ends then at the latest"})
    last_used_at = fields.DateTime(metadata={"description": "time of the log-in or last refresh"})
    is_current = fields.Boolean(metadata={"description": "whether this request belongs to it"})


@blp.get("/me/sessions")
@signed_in()
@blp.query(PageQuery)
@blp.answers(200, page_of(Session))
def list_sessions(query: Arguments) -> bytes:
    """List one's own sessions"""
    return db.page("list_sessions", **query)


@blp.delete("/me/sessions/<uuid:session_id>")
@signed_in()
@blp.answers(204)
def end_session(session_id: UUID) -> None:
    """End one of one's own sessions

    Its tokens, also the access token, are worth nothing from its next request on.
    """
    db.run("end_session", session_id=session_id)
