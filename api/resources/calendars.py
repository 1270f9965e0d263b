"""Consultations in calendar applications: files, and a private address to subscribe to."""

import json
from uuid import UUID

from marshmallow import fields

from api import calendar_files, config, db
from api.auth import signed_in
from api.config import current
from api.fields import Row
from api.openapi import example, refuses
from api.rate_limits import counted_by_address
from api.routing import Blueprint

blp = Blueprint("calendars", "Consultations in calendar applications")

TEXT = {"type": "string"}


class PrivateCalendar(Row):
    """The private address of the caller's calendar. It is shown only once."""

    url = fields.String(
        metadata={
            "description": "subscribe to it in a calendar application; whoever has it can read",
            "format": "uri",
        }
    )
    created_at = fields.DateTime()


@blp.post("/me/calendar")
@signed_in("patient", "doctor")
@blp.answers(201, PrivateCalendar, location="/v1/me/calendar")
def create_my_calendar() -> bytes:
    """Create the private address of the caller's calendar

    It replaces an earlier one, which ends. It ends, too, with a new password and with the account.
    """
    feed = json.loads(db.call("create_my_calendar"))
    url = f"{current().address}/v1/calendars/{feed['token']}.ics"
    return json.dumps({"url": url, "created_at": feed["created_at"]}).encode()


@blp.delete("/me/calendar")
@signed_in("patient", "doctor")
@blp.answers(204)
def revoke_my_calendar() -> None:
    """Revoke the private address of the caller's calendar

    Without one, nothing happens.
    """
    db.run("revoke_my_calendar")


@blp.get("/calendars/<token:token>.ics")
@counted_by_address
@refuses(404)
@example(token="A" * 43)
@blp.answers(200, TEXT, content_type=calendar_files.CONTENT_TYPE)
def get_calendar_feed(token: str) -> bytes:
    """Read a calendar

    For calendar applications, by its private address. It has the consultations from 30 days ago
    until 400 days ahead, and for 30 days those that were cancelled, without a patient and without
    clinical text.
    """
    rows = json.loads(db.items("get_calendar_feed", token=token))["items"]
    return calendar_files.consultation_calendar(
        rows,
        calendar_files.PUBLISH,
        organizer=config.current().mail_address,
        is_feed=True,
    )


@blp.get("/consultations/<uuid:consultation_id>.ics")
@signed_in()
@blp.answers(200, TEXT, content_type=calendar_files.CONTENT_TYPE)
def get_consultation_calendar(consultation_id: UUID) -> bytes:
    """Read one consultation as a calendar file

    A file of a cancelled consultation removes it from the calendar into which it is imported.
    """
    (row,) = json.loads(db.items("get_consultation_calendar", consultation_id=consultation_id))[
        "items"
    ]
    return calendar_files.consultation_calendar(
        [row], calendar_files.method_of(row), organizer=config.current().mail_address
    )
