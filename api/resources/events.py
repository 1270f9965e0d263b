"""Events: what has happened, in order, for programs that have to react."""

import re
from typing import Any, ClassVar

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Choice, Cursor, Limited, Row, Text, absent
from api.routing import Arguments, Blueprint

blp = Blueprint("events", "What has happened, in order")

TYPES = (
    "account.activated",
    "account.closed",
    "account.created",
    "account.deactivated",
    "account.email_changed",
    "account.email_verification_requested",
    "account.password_changed",
    "account.password_reset_requested",
    "account.second_factor_changed",
    "account.signed_in_on_new_device",
    "consultation.booked",
    "consultation.cancelled",
    "consultation.completed",
    "consultation.joined",
    "consultation.rescheduled",
    "payment.recorded",
    "prescription.issued",
    "refund.recorded",
    "slot.opened",
    "slot.withdrawn",
)
SEVERAL = "one type, or several with commas between them: " + ", ".join(TYPES)
_TYPE = "|".join(TYPES).replace(".", r"\.")
TYPES_PATTERN = rf"^({_TYPE})(,({_TYPE}))*$"
CAUSE = "the function that made the change, such as cancel_consultation; null for one by hand"


class Types(Text):
    """Types of events with commas between them, as a list."""

    PATTERN: ClassVar[str] = TYPES_PATTERN

    default_error_messages: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "types": "Send types of events with commas between them, as in slot.opened,slot.withdrawn."
    }

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"description": SEVERAL, "example": "consultation.booked,consultation.cancelled"}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        types = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(TYPES_PATTERN, types):
            raise self.make_error("types")
        return types.split(",")


class Event(Row):
    """Something that has happened, whatever way the change was made."""

    id = fields.Integer(metadata={"description": "grows, but not without gaps"})
    occurred_at = fields.DateTime()
    type = Choice("EventType", TYPES)
    consultation_id = fields.UUID(allow_none=True)
    sequence_number = fields.Integer(
        allow_none=True,
        metadata={"description": "1, 2, 3 and so on for the events of a consultation"},
    )
    predecessor_id = fields.Integer(
        allow_none=True, metadata={"description": "the event of the consultation before this one"}
    )
    slot_id = fields.UUID(allow_none=True)
    doctor_id = fields.UUID(allow_none=True)
    patient_id = fields.UUID(allow_none=True)
    user_id = fields.UUID(
        allow_none=True, metadata={"description": "the account that the event is about"}
    )
    data = fields.Dict(
        metadata={"description": "depends on the type; without clinical texts and secrets"}
    )
    actor_id = fields.UUID(
        allow_none=True, metadata={"description": "the account that the change was made for"}
    )
    actor_role = fields.String(allow_none=True)
    database_login = fields.String()
    request_id = fields.String(allow_none=True)
    cause = fields.String(allow_none=True, metadata={"description": CAUSE})


class EventPage(Row):
    """The next events. The list has no end: next_cursor is never null."""

    items = fields.List(fields.Nested(Event))
    next_cursor = fields.String(
        metadata={
            "description": "send it as `after`; the same as before if there are no more events yet"
        }
    )


class EventQuery(Limited):
    """A place in the order of the events, and a selection."""

    after = Cursor(
        load_default=absent, metadata={"description": "next_cursor of the previous page"}
    )
    type = Types(load_default=absent)


@blp.get("/events")
@signed_in("admin")
@blp.query(EventQuery)
@blp.answers(200, EventPage)
def list_events(query: Arguments) -> bytes:
    """List events in order

    Begins with the oldest event that is kept. Ask again at once while `next_cursor` changes, and
    otherwise after a pause: events that are committed later come later.
    """
    return db.page("list_events", **query)
