"""Sessions: where the viewer is logged in."""

from uuid import UUID

from flask import Blueprint, request
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form

SESSIONS_OF_PAGE = 20


def add_to(blp: Blueprint) -> None:
    """Add the pages of sessions."""
    blp.add_url_rule("/account/sessions", "sessions", list_sessions)
    blp.add_url_rule(
        "/account/sessions/<uuid:session_id>", "end_session", end_session, methods=["GET", "POST"]
    )


def list_sessions() -> AnyResponse:
    """The sessions of the viewer, the newest first."""
    return _show(Form())


def end_session(session_id: UUID) -> AnyResponse:
    """End a session; then all of them. Opened without a form, it only shows them."""
    form = Form()
    if form.is_sent:
        answer = visit.current().call("DELETE", f"/v1/me/sessions/{session_id}")
        if form.take(answer):
            return form.lead_to("sessions", done="session-ended")
    return _show(form)


def _show(form: Form) -> AnyResponse:
    cursor = request.args.get("cursor", "")
    found = visit.current().get(
        "/v1/me/sessions", order="-created_at", cursor=cursor, limit=SESSIONS_OF_PAGE
    )
    return page.render("sessions.html", form, found=found, cursor=cursor)
