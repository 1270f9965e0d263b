"""A patient's tour with the Python client.

Log in, find a doctor and a slot, book, repeat the request, read, list and cancel. It ends with an
error if an answer is not as it should be.

    BASE_URL=http://localhost:8000 python tour.py
"""

import os
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from telemedicine_client import AuthenticatedClient, Client
from telemedicine_client.api.auth import log_in
from telemedicine_client.api.consultations import (
    book_consultation,
    cancel_consultation,
    get_consultation,
    list_consultations,
)
from telemedicine_client.api.doctors import list_doctors, list_open_slots
from telemedicine_client.models import Booking, Cancellation, LogIn, ProblemDetails
from telemedicine_client.types import Response

T = TypeVar("T")


def data(answer: Response[ProblemDetails | T]) -> T:
    """The data of a successful answer. A problem becomes an exception with its code."""
    if answer.parsed is None or isinstance(answer.parsed, ProblemDetails):
        raise SystemExit(f"{answer.status_code}: {answer.content.decode()}")
    return answer.parsed


url = os.environ.get("BASE_URL", "http://localhost:8000")

# Log in
password = "telemedicine-demo"
credentials = LogIn(email="patient@example.com", password=password)
tokens = data(log_in.sync_detailed(client=Client(base_url=url), body=credentials))
client = AuthenticatedClient(base_url=url, token=tokens.access_token)

# Find a doctor and a slot
doctor = data(list_doctors.sync_detailed(client=client, q="kral", sort="next_free")).items[0]
in_five_days = datetime.now(UTC) + timedelta(days=5)
slot = data(
    list_open_slots.sync_detailed(doctor.id, client=client, from_=in_five_days, limit=5)
).items[0]
print(f"{doctor.full_name} is free on {slot.starts_at:%d %B at %H:%M %Z}")

# Book it, and send the same request again, as after a lost answer
key = str(uuid4())
booking = Booking(slot_id=slot.id, reason="Trouble sleeping")
booked = book_consultation.sync_detailed(client=client, body=booking, idempotency_key=key)
repeated = book_consultation.sync_detailed(client=client, body=booking, idempotency_key=key)
consultation = data(booked)
assert data(repeated) == consultation
assert booked.status_code == 201
assert "Idempotency-Replayed" not in booked.headers
assert repeated.headers["Idempotency-Replayed"] == "true"
fee: int = consultation.fee_minor
print(f"booked {consultation.id} for {fee} {consultation.currency} (minor units)")

# A refusal has a stable code
refused = book_consultation.sync(client=client, body=booking, idempotency_key=str(uuid4()))
assert isinstance(refused, ProblemDetails)
assert refused.code == "TM918"

# Read it, and find it among the next appointments
assert data(get_consultation.sync_detailed(consultation.id, client=client)) == consultation
following = data(
    list_consultations.sync_detailed(
        client=client, status="scheduled", from_=in_five_days, order="starts_at"
    )
)
assert consultation.id in [item.id for item in following.items]

# Cancel it
cancelled = data(
    cancel_consultation.sync_detailed(
        consultation.id, client=client, body=Cancellation(reason="Sleeping well again")
    )
)
assert cancelled.status == "cancelled"
print(f"cancelled: {cancelled.cancellation_reason}")
