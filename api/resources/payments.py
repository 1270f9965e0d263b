"""Payments and refunds of consultations."""

from uuid import UUID

from marshmallow import fields

from api import db, examples
from api.auth import signed_in
from api.fields import (
    Amount,
    Choice,
    Code,
    Currency,
    CurrencyExponent,
    Line,
    Prose,
    Request,
    Row,
    page_by,
    page_of,
)
from api.idempotency import idempotent
from api.openapi import example, refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("payments", "Payments and refunds, which never change")


class Payment(Row):
    """A payment or a refund."""

    id = fields.UUID()
    consultation_id = fields.UUID()
    kind = Choice("PaymentKind", ("payment", "refund"))
    refunded_payment_id = fields.UUID(
        allow_none=True, metadata={"description": "the payment that a refund refunds"}
    )
    amount_minor = fields.Integer(metadata={"description": "in minor units of currency"})
    currency = fields.String()
    currency_exponent = CurrencyExponent()
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
        load_default=None, metadata={"description": "unique for each provider"}
    )


class NewRefund(Request):
    """The amount of a refund, and its reason."""

    amount_minor = Amount(required=True)
    reason = Prose(load_default=None, metadata={"example": "Paid twice"})


@blp.post("/consultations/<uuid:consultation_id>/payments")
@signed_in("admin")
@blp.body(NewPayment)
@idempotent(key_required=True)
@blp.answers(201, Payment, location="/v1/payments/{id}", minimal=True)
def record_payment(body: Arguments, consultation_id: UUID, idempotency_key: str) -> bytes:
    """Record a payment

    The payments of a consultation never exceed its fee (409). A transaction of a provider is
    recorded once: the same report again returns the first payment, and a different report with its
    reference gets 409.
    """
    return db.call(
        "record_payment", consultation_id=consultation_id, **body, idempotency_key=idempotency_key
    )


@blp.get("/consultations/<uuid:consultation_id>/payments")
@signed_in("patient", "admin")
@blp.query(page_by("created_at", "-created_at"))
@blp.answers(200, page_of(Payment))
def list_payments(query: Arguments, consultation_id: UUID) -> bytes:
    """List the payments and refunds of a consultation"""
    return db.page("list_payments", consultation_id=consultation_id, **query)


@blp.get("/payments/<uuid:payment_id>")
@signed_in("patient", "admin")
@blp.answers(200, Payment)
def get_payment(payment_id: UUID) -> bytes:
    """Read one payment or refund"""
    return db.call("get_payment", payment_id=payment_id)


@blp.post("/payments/<uuid:payment_id>/refunds")
@signed_in("admin")
@blp.body(NewRefund)
@idempotent(key_required=True)
@refuses(409)
@example(kind="refund", refunded_payment_id=examples.PAYMENT, reason="Paid twice")
@blp.answers(201, Payment, location="/v1/payments/{id}", minimal=True)
def refund_payment(body: Arguments, payment_id: UUID, idempotency_key: str) -> bytes:
    """Refund a payment

    In part or in full. The refunds of a payment never exceed it (409).
    """
    return db.call("refund_payment", payment_id=payment_id, **body, idempotency_key=idempotency_key)
