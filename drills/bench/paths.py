"""The paths that are measured, and their requests as wrk and k6 send them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from drills.bench.stacks import EARLIER, Stack
from scripts.system import CommandError

PREPARED = 500  # bookings that are made before the first round, for replays and refusals
DISTINCT = 2_000  # requests of a path that reads, repeated in turn
NEW_KEY = "a-new-idempotency-key-00"  # stands for another key in each request, as long as this
PAGE = 10  # rows of a list of consultations
BOOKINGS = "/v1/consultations"


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    patient: int | None = None  # whose access token it carries
    key: str = ""
    body: str = ""

    def headers(self, stack: Stack) -> dict[str, str]:
        found = {}
        if self.patient is not None:
            found["Authorization"] = f"Bearer {stack.data['tokens'][self.patient]}"
        if self.key:
            found["Idempotency-Key"] = self.key
        if self.body:
            found["Content-Type"] = "application/json"
        return found


@dataclass(frozen=True)
class Path:
    """A kind of request and the status of its answer."""

    name: str
    title: str
    status: int
    make: Callable[[Stack, random.Random], Iterator[Request]] = field(repr=False)
    once: bool = False  # whether no request may be sent twice
    rows: int | None = None  # in its answer

    def requests(self, stack: Stack) -> Iterator[Request]:
        """The same requests for each stack that has the same data."""
        return self.make(stack, random.Random(self.name))


def _booking(slot: str, patient: int, key: str) -> Request:
    body = json.dumps({"slot_id": slot, "reason": "A check-up"})
    return Request("POST", BOOKINGS, patient, key, body)


def _book(stack: Stack, _chance: random.Random) -> Iterator[Request]:
    for slot, patient in stack.data["slots"][stack.next_slot :]:
        yield _booking(slot, patient, NEW_KEY)


def _slots(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        doctor = chance.choice(stack.data["doctors"])
        yield Request("GET", f"/v1/doctors/{doctor}/slots", chance.randrange(stack.data["callers"]))


def _get(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        id_, patient = chance.choice(stack.data["consultations"])
        yield Request("GET", f"{BOOKINGS}/{id_}", patient)


def _list(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        caller = chance.randrange(stack.data["callers"])
        yield Request("GET", f"{BOOKINGS}?limit={PAGE}", caller)


def prepared(stack: Stack) -> list[Request]:
    """Bookings that are made before the first round."""
    slots = stack.data["slots"][:PREPARED]
    return [_booking(slot, patient, f"prepared-{slot}") for slot, patient in slots]


def _replay(stack: Stack, chance: random.Random) -> Iterator[Request]:
    found = prepared(stack)
    chance.shuffle(found)
    yield from found


def _sold_out(stack: Stack, chance: random.Random) -> Iterator[Request]:
    for _ in range(DISTINCT):
        slot, _holder = chance.choice(stack.data["slots"][:PREPARED])
        yield _booking(slot, chance.randrange(stack.data["callers"]), NEW_KEY)


PATHS = (
    Path("book", "book", 201, _book, once=True),
    Path("slots", "open slots of a doctor (50 rows)", 200, _slots, rows=50),
    Path("get", "get one consultation", 200, _get),
    Path("list", f"list mine ({PAGE} rows)", 200, _list, rows=PAGE),
    Path("replay", "replay of a key", 201, _replay),
    Path("sold-out", "sold out, 409", 409, _sold_out),
)

BOOK = PATHS[0]


def _reads(stack: Stack, chance: random.Random) -> Iterator[Request]:
    kinds = [list(make(stack, chance)) for make in (_slots, _get, _list)]
    for together in zip(*kinds, strict=True):
        yield from together


def _hello(_stack: Stack, _chance: random.Random) -> Iterator[Request]:
    yield Request("GET", "/")


HELLO = Path("hello", "hello", 200, _hello)
READS = Path("reads", "reads (slots, get and list in turn)", 200, _reads)


def prepare(stack: Stack) -> None:
    """Make the bookings that replays and refusals need."""
    with requests.Session() as session:
        for request in prepared(stack):
            _send(session, stack, request, 201)
    stack.next_slot = PREPARED
    stack.before = stack.count()


def require_same_answers(stacks: list[Stack]) -> None:
    """Raise CommandError unless all stacks answer with the same fields and as many rows.

    An earlier build may lack fields that are new.
    """
    with requests.Session() as session:
        for path in PATHS:
            if path.once or path.status == 409:
                continue
            shapes = {
                stack.name: shape(_send(session, stack, next(path.requests(stack)), path.status))
                for stack in stacks
            }
            first = next(iter(shapes.values()))
            if not all(_is_same(first, found, name) for name, found in shapes.items()):
                raise CommandError(f"{path.title}: the answers differ: {shapes}")
            if path.rows is not None and first["items"] != path.rows:
                raise CommandError(f"{path.title}: {first['items']} rows, SCALE= is too small")


def _is_same(first: dict[str, Any], found: dict[str, Any], name: str) -> bool:
    if name == EARLIER and set(found["fields"]) < set(first["fields"]):
        found = found | {"fields": first["fields"]}
    return found == first


def shape(answer: Any) -> dict[str, Any]:
    """The names of a row's members, and the number of rows of a list."""
    if "items" not in answer:
        return {"fields": sorted(answer)}
    fields = sorted({name for row in answer["items"] for name in row})
    return {"items": len(answer["items"]), "fields": fields}


def _send(session: requests.Session, stack: Stack, request: Request, status: int) -> Any:
    answer = session.request(
        request.method,
        stack.url + request.path,
        data=request.body,
        headers=request.headers(stack),
        timeout=10,
    )
    if answer.status_code != status:
        raise CommandError(f"{stack.name}: {request.path}: {answer.status_code} {answer.text}")
    return answer.json()
