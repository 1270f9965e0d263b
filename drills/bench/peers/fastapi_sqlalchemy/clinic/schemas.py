"""The bodies of requests and answers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AliasPath, BaseModel, ConfigDict, Field, computed_field

# Decimals of currencies that have not two (ISO 4217)
EXPONENTS = {"BHD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3, "TND": 3}


class Booking(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slot_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=4000)] | None = None


class Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SlotRow(Row):
    id: UUID
    doctor_id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str


class ConsultationRow(Row):
    id: UUID
    slot_id: UUID
    doctor_id: UUID
    doctor_name: str = Field(validation_alias=AliasPath("doctor", "full_name"))
    patient_id: UUID
    patient_name: str = Field(validation_alias=AliasPath("patient", "full_name"))
    starts_at: datetime
    ends_at: datetime
    status: str
    reason: str | None
    notes: str | None
    cancellation_reason: str | None
    fee_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime

    @computed_field
    def currency_exponent(self) -> int:
        return EXPONENTS.get(self.currency, 2)


class SlotPage(Row):
    items: list[SlotRow]
    next_cursor: str | None


class ConsultationPage(Row):
    items: list[ConsultationRow]
    next_cursor: str | None
