"""Payments and refunds of consultations."""

from uuid import UUID

from marshmallow import fields, validate

from api import db
from api.auth import signed_in
from api.fields import Amount, Code, Currency, Line, PageQuery, Prose, Request, Row, page_of
from api.idempotency import idempotent
from api.openapi import refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("payments", "Payments and refunds; neither is ever changed")


class Payment(Row):
    """Money that came, or went back."""

    id = fields.UUID()
    consultation_id = fields.UUID()
    kind = fields.String(validate=validate.OneOf(["payment", "refund"]))
    refunded_payment_id = fields.UUID(
        allow_none=True, metadata={"description": "of a refund: the payment it takes back"}
    )
    amount_minor = fields.Integer(metadata={"description": "in minor units of currency"})
    currency = fields.String()
    method = fields.String()
    provider = fields.String(allow_none=True)
    provider_reference = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    created_at = fields.DateTime()


class NewPayment(Request):
    """A payment that a provider has captured."""

    amount_minor = Amount(required=True)
    currency = Currency(required=True)
    method = Code(required=True, metadata={"example": "card"})
    provider = Code(load_default=None, metadata={"description": "only with provider_reference"})
    provider_reference = Line(
        load_default=None, metadata={"description": "recorded once for each provider"}
    )


class NewRefund(Request):
    """How much goes back, and why."""

    amount_minor = Amount(required=True)
    reason = Prose(load_default=None)


@blp.post("/consultations/<uuid:consultation_id>/payments")
@signed_in("admin")
@blp.body(NewPayment)
@idempotent(key_required=True)
@blp.answers(201, Payment)
def record_payment(body: Arguments, consultation_id: UUID, idempotency_key: str) -> bytes:
    """Record a payment

    Never more than the consultation's fee in all (409). A provider's transaction is recorded once:
    the same report again returns the first payment, another one with its reference gets 409.
    """
    return db.call(
        "record_payment", consultation_id=consultation_id, **body, idempotency_key=idempotency_key
    )


@blp.get("/consultations/<uuid:consultation_id>/payments")
@signed_in("patient", "admin")
@blp.query(PageQuery)
@blp.answers(200, page_of(Payment))
def list_payments(query: Arguments, consultation_id: UUID) -> bytes:
    """List a consultation's payments and refunds"""
    return db.page("list_payments", consultation_id=consultation_id, **query)


@blp.post("/payments/<uuid:payment_id>/refunds")
@signed_in("admin")
@blp.body(NewRefund)
@idempotent(key_required=True)
@refuses(409)
@blp.answers(201, Payment)
def refund_payment(body: Arguments, payment_id: UUID, idempotency_key: str) -> bytes:
    """Refund a payment

    In part or in full; never more than was captured (409).
    """
    return db.call("refund_payment", payment_id=payment_id, **body, idempotency_key=idempotency_key)
