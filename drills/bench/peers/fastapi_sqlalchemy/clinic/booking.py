"""The rules of booking."""

import hashlib
import os
import time
from datetime import UTC, datetime
from uuid import UUID

from fastapi import HTTPException
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from clinic.models import Consultation, IdempotencyKey, Patient, Slot
from clinic.schemas import Booking, ConsultationRow


async def book(session: AsyncSession, patient_id: UUID, key: str, booking: Booking) -> str:
    """The answer to a booking as JSON: the stored one, if the key was used before."""
    fingerprint = hashlib.sha256(booking.model_dump_json().encode()).digest()
    try:
        async with session.begin():
            known = await session.get(IdempotencyKey, (patient_id, key))
            if known:
                return _stored(known, fingerprint)
            response = await _new(session, patient_id, key, fingerprint, booking)
    except IntegrityError:
        # Another request was faster, with this key or for this slot.
        async with session.begin():
            known = await session.get(IdempotencyKey, (patient_id, key))
            if known:
                return _stored(known, fingerprint)
        raise HTTPException(409, "The slot is not open") from None
    return response


def _stored(known: IdempotencyKey, fingerprint: bytes) -> str:
    if known.fingerprint != fingerprint:
        raise HTTPException(422, "This Idempotency-Key was used for another request")
    return known.response


async def _new(
    session: AsyncSession, patient_id: UUID, key: str, fingerprint: bytes, booking: Booking
) -> str:
    slot = await session.scalar(
        select(Slot)
        .where(Slot.id == booking.slot_id)
        .options(joinedload(Slot.doctor, innerjoin=True))
        .with_for_update(of=Slot, key_share=True)
    )
    if slot is None:
        raise HTTPException(404, "There is no such slot")
    # A duplicate of a request that still runs comes here, too: another look at the key would make
    # every refusal slower.
    if slot.status != "open":
        raise HTTPException(409, "The slot is not open")
    now = datetime.now(UTC)
    if slot.starts_at <= now:
        raise HTTPException(409, "The slot has already begun")
    # The lock serialises two bookings of one patient.
    patient = await session.get_one(Patient, patient_id, with_for_update={"key_share": True})
    is_busy = await session.scalar(
        select(
            exists().where(
                Consultation.patient_id == patient_id,
                Consultation.status == "scheduled",
                Consultation.starts_at < slot.ends_at,
                Consultation.ends_at > slot.starts_at,
            )
        )
    )
    if is_busy:
        raise HTTPException(409, "You have another consultation at this time")

    slot.status = "booked"
    consultation = Consultation(
        id=_new_id(),
        slot_id=slot.id,
        doctor=slot.doctor,
        doctor_id=slot.doctor_id,
        patient=patient,
        patient_id=patient_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        status="scheduled",
        reason=booking.reason,
        notes=None,
        cancellation_reason=None,
        fee_minor=slot.doctor.fee_minor,
        currency=slot.doctor.currency,
        created_at=now,
        updated_at=now,
    )
    response = ConsultationRow.model_validate(consultation).model_dump_json()
    session.add_all(
        [
            consultation,
            IdempotencyKey(
                patient_id=patient_id,
                key=key,
                fingerprint=fingerprint,
                response=response,
                created_at=now,
            ),
        ]
    )
    return response


def _new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): new rows stand together in the indexes."""
    random = int.from_bytes(os.urandom(10))
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | random
    number = number & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))
