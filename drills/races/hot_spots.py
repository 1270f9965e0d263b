"""The races. Each runs its rounds, checks every answer, and then compares the tables."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from drills.races.scene import FEE_MINOR, Scene
from tests.support.client import at, new_key
from tests.support.sql_client import ROLLED_BACK, Answer, Client, Person, SqlClient

TAKEN = "TM901"
ALREADY_THIS_SLOT = "TM917"
ALREADY_OWN_SLOT = "TM918"
OVERLAPS = "TM902"
ANOTHER_REQUEST = "TM203"
ABOVE_THE_PAYMENT = "TM909"
IN_FLIGHT = "TM991"


def one_open_slot(scene: Scene) -> None:
    """All clients book one slot: one gets it, all others get the refusal that it is taken."""
    winners = {}
    slots = scene.slots(scene.rounds)
    keys, _ = scene.written()
    for slot in scene.race(slots, TAKEN):
        pairs = zip(scene.clients, scene.patients, strict=True)
        answers = scene.at_once([partial(book, *each, slot) for each in pairs], [slot])
        scene.expect("codes", codes(answers), {"": 1, TAKEN: len(answers) - 1})
        winners[slot] = winner(answers).row["patient_id"]
    scene.expect("bookings", scene.bookings(), winners)
    # Refusals are stored under their keys, too.
    scene.expect("keys", scene.written()[0], keys + scene.tally.requests)


def retries_of_one_key(scene: Scene) -> None:
    """All clients send one patient's request under one key: one booking, one answer."""
    made = {}
    for number, slot in enumerate(scene.race(scene.slots(scene.rounds), IN_FLIGHT)):
        patient, key = scene.patients[number % len(scene.patients)], new_key()
        answers = scene.at_once(
            [partial(book_with_retries, client, patient, slot, key) for client in scene.clients]
        )
        scene.expect("codes", codes(answers), {"": len(answers)})
        scene.expect("ids", len({answer.row["id"] for answer in answers}), 1)
        scene.expect("replays", sum(a.replayed for a in answers), len(answers) - 1)
        made[slot] = patient.id
    scene.expect("bookings", scene.bookings(), made)


def one_key_for_different_requests(scene: Scene) -> None:
    """Four requests under one key: one is executed, and its copies are replays."""
    made = {}
    for number, slot in enumerate(
        scene.race(scene.slots(scene.rounds), ANOTHER_REQUEST, IN_FLIGHT)
    ):
        patient, key = scene.patients[number % len(scene.patients)], new_key()
        reasons = [f"Reason {number % 4}" for number in range(len(scene.clients))]
        scene.chance.shuffle(reasons)
        answers = scene.at_once(
            [
                partial(book_with_retries, client, patient, slot, key, reason)
                for client, reason in zip(scene.clients, reasons, strict=True)
            ]
        )
        first = winner(answers).row
        for answer, reason in zip(answers, reasons, strict=True):
            if reason == first["reason"]:
                scene.expect("answer to the same request", (answer.code, answer.row), ("", first))
            else:
                scene.expect("answer to another request", answer.code, ANOTHER_REQUEST)
        scene.expect("originals", sum(not (a.code or a.replayed) for a in answers), 1)
        made[slot] = first["reason"]
    found = scene.rows(
        "select slot_id::text, reason from app.consultations where doctor_id = %s",
        (scene.doctor.id,),
    )
    scene.expect("bookings", sorted(found), sorted(made.items()))


def overlapping_publications(scene: Scene) -> None:
    """A doctor publishes overlapping slots, eight at a time; some publications are rolled back."""
    begin = at(2, 0)  # the doctor belongs to this race alone
    winners: list[tuple[datetime, datetime]] = []
    windows = (len(scene.clients) + 7) // 8
    for number in scene.race(range(scene.rounds), OVERLAPS, ROLLED_BACK):
        calls = []
        commits: dict[int, bool] = defaultdict(bool)
        for position, client in enumerate(scene.clients):
            window, minute = divmod(position, 8)
            start = begin + timedelta(hours=number * windows + window, minutes=minute)
            act = client.call
            if isinstance(client, SqlClient) and scene.chance.random() < 0.5:
                act = client.call_and_roll_back
            else:
                commits[window] = True
            times = {
                "starts_at": start.isoformat(),
                "ends_at": (start + timedelta(minutes=30)).isoformat(),
            }
            calls.append(partial(act, scene.doctor, "publish_slot", **times))
        published = [answer.row for answer in scene.at_once(calls) if not answer.code]
        scene.expect("winners", len(published), sum(commits.values()))
        winners += [(moment(row["starts_at"]), moment(row["ends_at"])) for row in published]
    found = scene.rows(
        "select starts_at::timestamptz, ends_at::timestamptz from app.availability_slots"
        " where doctor_id = %s order by starts_at",
        (scene.doctor.id,),
    )
    scene.expect("slots", found, sorted(winners))
    scene.expect("overlaps", [a for a, b in pairwise(found) if a[1] > b[0]], [])


def crosswise_reschedules(scene: Scene) -> None:
    """Patients in rings: each reschedules to the slot of the next one, or to the spare slot."""
    rings = rings_of(scene)
    mine: dict[int, str] = {}
    spare: dict[tuple[int, ...], str | None] = {}
    for ring in rings:
        slots = scene.slots(len(ring) + 1)
        mine.update(zip(ring, slots, strict=False))
        # Without a spare slot no patient can move, and all wait for each other in a circle.
        spare[ring] = slots[-1] if scene.chance.random() < 0.7 else None
    booked = {
        n: book(scene.clients[n], scene.patients[n], slot).row["id"] for n, slot in mine.items()
    }
    # In a ring of one, the patient asks for the slot that is already theirs.
    for _ in scene.race(range(scene.rounds), TAKEN, ALREADY_THIS_SLOT):
        targets = {}
        for ring in rings:
            for n, following in zip(ring, ring[1:] + ring[:1], strict=True):
                left_over = spare[ring] if scene.chance.random() < 0.5 else None
                targets[n] = left_over or mine[following]
        answers = scene.at_once(
            [
                partial(
                    scene.clients[n].call,
                    scene.patients[n],
                    "reschedule_consultation",
                    consultation_id=booked[n],
                    slot_id=targets[n],
                    idempotency_key=new_key(),
                )
                for n in range(len(scene.clients))
            ],
            [*mine.values(), *filter(None, spare.values())],
        )
        for ring in rings:
            before = {mine[n] for n in ring} | {spare[ring]}
            moved = [n for n in ring if not answers[n].code]
            possible = spare[ring] is not None and any(targets[n] == spare[ring] for n in ring)
            scene.expect("at least one in the ring has moved", bool(moved), possible)
            mine |= {n: targets[n] for n in moved}
            held = {mine[n] for n in ring}
            scene.expect("slots held by a ring", len(held), len(ring))
            spare[ring] = next(iter(before - held))
    scene.expect(
        "bookings",
        scene.bookings(),
        {slot: scene.patients[n].id for n, slot in mine.items()},
    )


def refunds_of_one_payment(scene: Scene) -> None:
    """All clients refund one payment: the refunds never exceed it."""
    payments = prepared_payments(scene)
    expected = {}
    for payment in scene.race(payments, ABOVE_THE_PAYMENT):
        amount = FEE_MINOR // scene.chance.randint(1, 20)
        answers = scene.at_once(
            [
                partial(
                    client.call,
                    scene.admin,
                    "refund_payment",
                    payment_id=payment,
                    amount_minor=amount,
                    idempotency_key=new_key(),
                )
                for client in scene.clients
            ]
        )
        winners = min(FEE_MINOR // amount, len(answers))
        scene.expect(f"refunds of {amount}", codes(answers)[""], winners)
        expected[payment] = winners * amount
    found = scene.rows(
        "select r.refunded_payment_id::text, sum(r.amount_minor)::bigint"
        " from app.payments as r join app.consultations as c on c.id = r.consultation_id"
        " where c.doctor_id = %s and r.kind = 'refund' group by r.refunded_payment_id",
        (scene.doctor.id,),
    )
    scene.expect("sums of refunds", dict(found), expected)


def sold_out(scene: Scene) -> None:
    """All slots of a doctor are taken, and all clients keep asking for them."""
    slots = scene.slots(8)
    taken = {
        slot: book(scene.clients[0], patient, slot).row["patient_id"]
        for slot, patient in zip(slots, scene.patients, strict=False)
    }
    slots = list(taken)
    keys, changes = scene.written()
    for _ in scene.race(range(scene.rounds), TAKEN, ALREADY_OWN_SLOT):
        targets = [scene.chance.choice(slots) for _ in scene.patients]
        answers = scene.at_once(
            [
                partial(book, client, patient, slot)
                for client, patient, slot in zip(
                    scene.clients, scene.patients, targets, strict=True
                )
            ]
        )
        own = sum(taken[s] == p.id for p, s in zip(scene.patients, targets, strict=True))
        expected_codes = {TAKEN: len(answers) - own} | ({ALREADY_OWN_SLOT: own} if own else {})
        scene.expect("codes", codes(answers), expected_codes)
    scene.expect("bookings", scene.bookings(), taken)
    # Each request stores one key with its refusal, and changes nothing else.
    expected = (keys + scene.tally.requests, changes)
    scene.expect("keys and changes", scene.written(), expected)


def a_few_slots_for_all(scene: Scene) -> None:
    """Each client asks for one slot after the other until it gets one."""
    sizes = [scene.chance.randint(2, 4) for _ in range(scene.rounds)]
    slots = scene.slots(sum(sizes))
    choices = [[slots.pop() for _ in range(size)] for size in sizes]
    bookings = {}
    for choice in scene.race(choices, TAKEN):
        answers = scene.at_once(
            [
                partial(book_one_of, client, patient, scene.chance.sample(choice, k=len(choice)))
                for client, patient in zip(scene.clients, scene.patients, strict=True)
            ]
        )
        winners = [answer.row for answer in answers if not answer.code]
        scene.expect("winners", len(winners), min(len(choice), len(answers)))
        bookings.update({row["slot_id"]: row["patient_id"] for row in winners})
    scene.expect("bookings", scene.bookings(), bookings)


RACES = {
    "one open slot": one_open_slot,
    "retries of one key": retries_of_one_key,
    "one key, different requests": one_key_for_different_requests,
    "overlapping publications": overlapping_publications,
    "crosswise reschedules": crosswise_reschedules,
    "refunds of one payment": refunds_of_one_payment,
    "sold out": sold_out,
    "a few slots for all": a_few_slots_for_all,
}


def codes(answers: Sequence[Answer]) -> Counter[str]:
    return Counter(answer.code for answer in answers)


def winner(answers: Sequence[Answer]) -> Answer:
    """The first answer that is neither a refusal nor a replay."""
    return next((a for a in answers if not a.code and not a.replayed), Answer("", {}))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def book(client: Client, patient: Person, slot: str, key: str = "", reason: str = "") -> Answer:
    return client.call(
        patient,
        "book_consultation",
        slot_id=slot,
        reason=reason or None,
        idempotency_key=key or new_key(),
    )


def book_with_retries(
    client: Client, patient: Person, slot: str, key: str, reason: str = ""
) -> Answer:
    """Book, and ask again after Retry-After while an earlier request with the key is in flight."""
    while True:
        answer = book(client, patient, slot, key, reason)
        if answer.code != IN_FLIGHT:
            return answer
        time.sleep(1)  # Retry-After: 1


def book_one_of(client: Client, patient: Person, slots: Sequence[str]) -> Answer:
    answer = Answer(TAKEN, {})
    for slot in slots:
        answer = book(client, patient, slot)
        if answer.code != TAKEN:
            break
    return answer


def rings_of(scene: Scene) -> list[tuple[int, ...]]:
    """The numbers of all clients, in rings of two to eight; the last one may be shorter."""
    numbers, rings = list(range(len(scene.clients))), []
    while numbers:
        size = scene.chance.choice((2, 2, 3, 5, 8))
        rings.append(tuple(numbers[:size]))
        numbers = numbers[size:]
    return rings


def prepared_payments(scene: Scene) -> list[str]:
    """Ids of payments of the whole fee, one for each round; the clients share the work."""
    slots = scene.slots(scene.rounds)

    def prepare(number: int) -> list[str]:
        client, patient = scene.clients[number], scene.patients[number]
        payments = []
        for slot in slots[number :: len(scene.clients)]:
            answer = client.call(
                scene.admin,
                "record_payment",
                consultation_id=book(client, patient, slot).row["id"],
                amount_minor=FEE_MINOR,
                currency="EUR",
                method="card",
                idempotency_key=new_key(),
            )
            payments.append(answer.row["id"])
        return payments

    shares = scene.at_once([partial(prepare, number) for number in range(len(scene.clients))])
    return [payment for share in shares for payment in share]
