"""The schedule of the calling doctor."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Choice, Day, Line, Request, Row, absent, page_of
from api.routing import Arguments, Blueprint

blp = Blueprint("schedule", "What a doctor offers, has booked, and has off")


class ScheduleEntry(Row):
    """An open slot, a consultation that is not cancelled, or time off."""

    kind = Choice("ScheduleEntryKind", ("slot", "consultation", "time_off"))
    id = fields.UUID(metadata={"description": "of the slot, the consultation or the time off"})
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    status = Choice(
        "ScheduleEntryStatus",
        ("open", "scheduled", "completed"),
        allow_none=True,
        metadata={"description": "of a slot or a consultation; null for time off"},
    )
    patient_id = fields.UUID(allow_none=True, metadata={"description": "of a consultation"})
    patient_name = fields.String(allow_none=True, metadata={"description": "of a consultation"})
    reason = fields.String(
        allow_none=True, metadata={"description": "of a consultation or of time off"}
    )


class ScheduleQuery(Request):
    """Days of a schedule."""

    # The field is called `from`, which is a keyword of Python.
    from_ = Day(
        data_key="from",
        attribute="from",
        load_default=absent,
        metadata={"description": "the first day; by default today"},
    )
    to = Day(
        load_default=absent,
        metadata={
            "description": "the last day, at most 30 days after the first; by default 6 days after"
        },
    )
    time_zone = Line(
        load_default=absent,
        metadata={"description": "IANA name; by default that of the doctor"},
    )


@blp.get("/me/schedule")
@signed_in("doctor")
@blp.query(ScheduleQuery)
@blp.answers(200, page_of(ScheduleEntry))
def my_schedule(query: Arguments) -> bytes:
    """List what is in the caller's schedule

    Open slots, consultations that are not cancelled, and time off together, in the order of time.
    Days are those of clocks in time_zone. What begins before the first day or ends after the last
    one is in the answer, too.
    """
    return db.items("my_schedule", **query)
