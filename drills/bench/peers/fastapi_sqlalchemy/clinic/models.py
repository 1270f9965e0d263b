"""The tables."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), bytes: LargeBinary}  # noqa: RUF012


class Doctor(Base):
    __tablename__ = "doctors"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    full_name: Mapped[str]
    fee_minor: Mapped[int]
    currency: Mapped[str]


class Patient(Base):
    __tablename__ = "patients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    full_name: Mapped[str]


class Slot(Base):
    __tablename__ = "slots"
    __table_args__ = (
        Index(
            "open_slots_of_doctor",
            "doctor_id",
            "starts_at",
            "id",
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    doctor_id: Mapped[UUID] = mapped_column(ForeignKey("doctors.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]

    doctor: Mapped[Doctor] = relationship(lazy="raise")


class Consultation(Base):
    __tablename__ = "consultations"
    __table_args__ = (
        Index(
            "one_consultation_per_slot",
            "slot_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        Index("consultations_of_patient", "patient_id", "starts_at", "id"),
        Index("consultations_of_doctor", "doctor_id", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slots.id"))
    doctor_id: Mapped[UUID] = mapped_column(ForeignKey("doctors.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]
    reason: Mapped[str | None]
    notes: Mapped[str | None]
    cancellation_reason: Mapped[str | None]
    fee_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    doctor: Mapped[Doctor] = relationship(lazy="raise")
    patient: Mapped[Patient] = relationship(lazy="raise")


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patients.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    response: Mapped[str]
    created_at: Mapped[datetime]
