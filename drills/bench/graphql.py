"""The requests of PostGraphile, which serves the same functions over GraphQL."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from drills.bench import paths
from drills.bench.paths import DISTINCT, Path, Request
from drills.bench.stacks import Stack

CONSULTATION = """id slotId doctorId doctorName patientId patientName startsAt endsAt status reason
notes cancellationReason feeMinor currency currencyExponent createdAt updatedAt"""
SLOT = "id doctorId startsAt endsAt status"
BOOK = f"""mutation ($slot: UUID!, $reason: String, $key: String!) {{
bookConsultation(input: {{pSlotId: $slot, pReason: $reason, pIdempotencyKey: $key}}) {{
consultation {{ {CONSULTATION} }} }} }}"""
SLOTS = f"""query ($doctor: UUID!) {{ listOpenSlots(pDoctorId: $doctor, pLimit: 50) {{
nodes {{ {SLOT} }} }} }}"""
GET = f"""mutation ($id: UUID!) {{ getConsultation(input: {{pConsultationId: $id}}) {{
consultation {{ {CONSULTATION} }} }} }}"""
LIST = f"""mutation {{ listConsultations(input: {{pLimit: {paths.PAGE}}}) {{
consultations {{ {CONSULTATION} }} }} }}"""


def _request(patient: int, query: str, **variables: str) -> Request:
    body = json.dumps({"query": " ".join(query.split()), "variables": variables})
    return Request("POST", "/graphql", patient, body=body)


def _book(stack: Stack, _chance: random.Random) -> Iterator[Request]:
    for slot, patient in stack.data["slots"][stack.next_slot :]:
        yield _request(patient, BOOK, slot=slot, reason="A check-up", key=paths.NEW_KEY)


def _slots(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        doctor = chance.choice(stack.data["doctors"])
        yield _request(chance.randrange(stack.data["callers"]), SLOTS, doctor=doctor)


def _get(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        id_, patient = chance.choice(stack.data["consultations"])
        yield _request(patient, GET, id=id_)


def _list(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        yield _request(chance.randrange(stack.data["callers"]), LIST)


PATHS = (
    Path("book", "book", 200, _book, once=True),
    Path("slots", "open slots of a doctor", 200, _slots),
    Path("get", "get one consultation", 200, _get),
    Path("list", "list mine", 200, _list),
)
