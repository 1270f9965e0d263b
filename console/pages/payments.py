"""The payments and refunds of a consultation, and receipts to print."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from console import page, visit
from console.texts import mark

PAYMENTS_OF_PAGE = 100
METHODS = {
    "bank_transfer": mark("bank transfer"),
    "card": mark("card"),
    "cash": mark("cash"),
}


def add_to(blp: Blueprint) -> None:
    """Add the pages of payments."""
    path = "/consultations/<uuid:consultation_id>/payments"
    blp.add_url_rule(path, "payments", list_payments)
    blp.add_url_rule("/payments/<uuid:payment_id>", "receipt", show_receipt)


def list_payments(consultation_id: UUID) -> Response:
    """The payments of a consultation, what was refunded of each, and what is due."""
    visiting = visit.current()
    consultation = visiting.get(f"/v1/consultations/{consultation_id}")
    cursor = request.args.get("cursor", "")
    found = _payments(str(consultation_id), cursor)
    is_whole = not cursor and not found["next_cursor"]
    return page.render(
        "payments.html",
        consultation=consultation,
        found=found,
        cursor=cursor,
        methods=METHODS,
        refunded=_refunded(found["items"]),
        paid=_net(found["items"]) if is_whole else None,
    )


def show_receipt(payment_id: UUID) -> Response:
    """A payment or a refund, to print."""
    visiting = visit.current()
    payment = visiting.get(f"/v1/payments/{payment_id}")
    consultation = visiting.get(f"/v1/consultations/{payment['consultation_id']}")
    return page.render("receipt.html", payment=payment, consultation=consultation, methods=METHODS)


def _payments(consultation_id: str, cursor: str) -> dict[str, Any]:
    found: dict[str, Any] = visit.current().get(
        f"/v1/consultations/{consultation_id}/payments",
        order="created_at",
        cursor=cursor,
        limit=PAYMENTS_OF_PAGE,
    )
    return found


def _refunded(rows: list[dict[str, Any]]) -> dict[str, int]:
    """What was refunded of each payment, in minor units, by the id of the payment."""
    sums: dict[str, int] = {}
    for row in rows:
        if refunded := row["refunded_payment_id"]:
            sums[refunded] = sums.get(refunded, 0) + row["amount_minor"]
    return sums


def _net(rows: list[dict[str, Any]]) -> int:
    """Payments less refunds, in minor units."""
    return sum(
        row["amount_minor"] if row["kind"] == "payment" else -row["amount_minor"] for row in rows
    )
