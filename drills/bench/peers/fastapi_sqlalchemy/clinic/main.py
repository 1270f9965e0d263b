"""The routes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header, HTTPException, Query, Response
from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload

from clinic import booking, cursors
from clinic.database import ReadSession, WriteSession
from clinic.models import Consultation, Doctor, Slot
from clinic.schemas import Booking, ConsultationPage, ConsultationRow, SlotPage
from clinic.security import SignedIn, SignedInPatient

app = FastAPI(title="Clinic")

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query()]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
WITH_NAMES = (
    joinedload(Consultation.doctor, innerjoin=True).load_only(Doctor.full_name),
    joinedload(Consultation.patient, innerjoin=True),
)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/consultations", status_code=201, response_model=ConsultationRow)
async def book_consultation(
    body: Booking, key: Key, caller: SignedInPatient, session: WriteSession
) -> Response:
    answer = await booking.book(session, caller.id, key, body)
    return Response(answer, 201, media_type="application/json")


@app.get("/v1/consultations/{consultation_id}", response_model=ConsultationRow)
async def get_consultation(
    consultation_id: UUID, caller: SignedIn, session: ReadSession
) -> Consultation:
    found = await session.get(Consultation, consultation_id, options=WITH_NAMES)
    if found is None or not _is_visible(found, caller):
        raise HTTPException(404, "There is no such consultation")
    return found


@app.get("/v1/consultations", response_model=ConsultationPage)
async def list_consultations(
    caller: SignedIn, session: ReadSession, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, object]:
    query = select(Consultation).options(*WITH_NAMES)
    if caller.role == "patient":
        query = query.where(Consultation.patient_id == caller.id)
    elif caller.role == "doctor":
        query = query.where(Consultation.doctor_id == caller.id)
    scope = f"consultations|{caller.id}"
    if cursor:
        query = query.where(
            tuple_(Consultation.starts_at, Consultation.id) < cursors.read(scope, cursor)
        )
    query = query.order_by(Consultation.starts_at.desc(), Consultation.id.desc())
    found = (await session.scalars(query.limit(limit + 1))).all()
    return _page(scope, found, limit)


@app.get("/v1/doctors/{doctor_id}/slots", response_model=SlotPage)
async def list_open_slots(
    doctor_id: UUID,
    caller: SignedIn,
    session: ReadSession,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, object]:
    query = select(Slot).where(
        Slot.doctor_id == doctor_id, Slot.status == "open", Slot.starts_at > datetime.now(UTC)
    )
    scope = f"slots|{caller.id}"
    if cursor:
        query = query.where(tuple_(Slot.starts_at, Slot.id) > cursors.read(scope, cursor))
    query = query.order_by(Slot.starts_at, Slot.id)
    found = (await session.scalars(query.limit(limit + 1))).all()
    if not found and await session.get(Doctor, doctor_id) is None:
        raise HTTPException(404, "There is no such doctor")
    return _page(scope, found, limit)


def _is_visible(found: Consultation, caller: SignedIn) -> bool:
    return caller.role == "admin" or caller.id in (found.patient_id, found.doctor_id)


def _page(scope: str, found: Sequence[Slot | Consultation], limit: int) -> dict[str, object]:
    page = found[:limit]
    more = len(found) > limit
    return {
        "items": page,
        "next_cursor": cursors.write(scope, page[-1].starts_at, page[-1].id) if more else None,
    }
