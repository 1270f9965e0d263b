"""`make tour`: the clinic's main job over plain HTTP, against the running server.

Every request and answer is printed. The exit status is 0 only when each answer was as it should
be. It can be walked again and again: it signs up new patients and looks for a free time.
"""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from scripts.cluster import development_cluster
from scripts.inbox import CERTIFICATE, Inbox, calendar_of, open_inbox
from scripts.system import CHECKOUT, CommandError, command_line, say

DEMO_PASSWORD = "telemedicine-demo"  # noqa: S105
PASSWORD = "four mild winds from elsewhere"  # noqa: S105  # of those who sign up
# Not to be shown on a screen, even in a demonstration.
SECRETS = ("password", "access_token", "refresh_token", "token", "secret")
WIDTH = 150


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: Any


@dataclass
class Person:
    """A caller, logged in or not."""

    name: str
    url: str
    token: str = field(default="", repr=False)
    email: str = ""

    def sends(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        expect: int,
        key: str = "",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, print it with its answer, and check the status."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        target = f"{path}?{urlencode(query)}" if query else path
        say(f"  {self.name}: {method} {target}")
        if key:
            say(f"     Idempotency-Key: {key}")
        if body is not None:
            say(f"     {shown(body)}")
        data = json.dumps(body).encode() if body is not None else None
        answer = fetch(Request(self.url + target, data, headers, method=method))  # noqa: S310
        say(f"  -> {answer.status} {shown(answer.body)}".rstrip())
        if answer.headers.get("Idempotency-Replayed"):
            say("     Idempotency-Replayed: true")
        require(answer.status == expect, f"{method} {path} should have answered {expect}")
        return answer

    def signs_in(self, email: str, password: str) -> None:
        """Log in and keep the access token."""
        self.email = email
        body = {"email": email, "password": password}
        self.token = self.sends("POST", "/v1/auth/login", body, expect=200).body["access_token"]


def main() -> None:
    """Walk the tour. Raises CommandError when something is not as it should be."""
    url = os.environ.get("BASE_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    try:
        with inbox_of_make_run() as inbox:
            tour(url.rstrip("/"), inbox)
    except (KeyError, TypeError) as error:
        raise CommandError(f"an answer had another shape than it should have: {error!r}") from None
    say("\ntour: everything is as it should be")


@contextmanager
def inbox_of_make_run() -> Iterator[Inbox | None]:
    """Where e-mails and webhooks of `make run` arrive; None if it does not run."""
    folder = Path(os.environ.get("MAIL_FOLDER") or CHECKOUT / ".local/mail")
    certificate = os.environ.get("RECEIVER_CERTIFICATE")
    cluster = development_cluster()
    if certificate is None and not cluster.running():
        yield None
        return
    with open_inbox(folder, Path(certificate or cluster.base / CERTIFICATE)) as inbox:
        yield inbox


def tour(url: str, inbox: Inbox | None) -> None:
    """The main job, step by step. inbox: where the worker of the server sends to."""
    doctor, admin = Person("doctor", url), Person("admin", url)
    first, second = Person("first patient", url), Person("second patient", url)

    step("Is anybody there?")
    ready = first.sends("GET", "/health/ready", expect=200).body
    if ready.get("worker") != "running":
        inbox = None
    if inbox is None:
        say("  The worker of `make run` does not run here: no e-mails and webhooks are awaited.")

    step("Two people sign up; the demo admin logs in and on-boards a doctor")
    for patient in (first, second):
        email = f"tour-{uuid.uuid4().hex[:12]}@example.com"
        body = {"email": email, "password": PASSWORD, "full_name": patient.name.title()}
        user = patient.sends("POST", "/v1/auth/signup", body, expect=201).body
        require(user["role"] == "patient", "a sign-up creates a patient")
        patient.signs_in(email, PASSWORD)
    admin.signs_in("admin@example.com", DEMO_PASSWORD)
    account = {"email": f"tour-{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
    practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin"}
    money = {"fee_minor": 4500, "currency": "EUR"}
    joining: dict[str, Any] = {**account, "full_name": "Tour Doctor", **practice, **money}
    doctor_id = admin.sends("POST", "/v1/admin/doctors", joining, expect=201).body["id"]
    doctor.signs_in(account["email"], PASSWORD)

    step("The doctor publishes two slots that begin soon")
    slot, later = publish(doctor)

    if inbox:
        step("The patient verifies the address with the token of an e-mail")
        mail = inbox.mail(first.email, "Verify your e-mail address")
        text = mail.get_body(("plain",))
        token = re.search(r"[\w-]{43}", text.get_content() if text else "")
        require(token is not None, "the e-mail has a token")
        body = {"token": token[0] if token else ""}
        first.sends("POST", "/v1/me/email/verify", body, expect=200)

        step("The admin has events sent to another system")
        body = {"url": inbox.url, "description": "Tour"}
        webhook = admin.sends("POST", "/v1/webhooks", body, expect=201).body

    step("The patient searches")
    offer = first.sends("GET", f"/v1/doctors/{doctor_id}", expect=200).body
    window = {"from": slot["starts_at"], "to": later["ends_at"]}
    query = {"specialty": offer["specialty"], **window}
    found = first.sends("GET", "/v1/slots", query=query, expect=200).body["items"]
    require(slot["id"] in [row["id"] for row in found], "the search finds the new slot")

    step("The patient books, loses the answer, and sends the request again")
    key = str(uuid.uuid4())
    body = {"slot_id": slot["id"], "reason": "A rash that does not go away"}
    booking = first.sends("POST", "/v1/consultations", body, key=key, expect=201)
    retry = first.sends("POST", "/v1/consultations", body, key=key, expect=201)
    require(retry.body == booking.body, "the retry gets the same answer")
    require(retry.headers.get("Idempotency-Replayed") == "true", "the retry is marked as one")
    consultation = f"/v1/consultations/{booking.body['id']}"

    if inbox:
        step("The patient gets an e-mail with a calendar file")
        entry = received(inbox, first.email, "Consultation booked")
        require(entry["METHOD"] == "REQUEST", "the file puts the consultation into a calendar")
        require(entry["DTSTART"] == utc(slot["starts_at"]), "at the time of the slot")

    step("The second patient finds it taken, and cannot look at it either")
    taken = {"slot_id": slot["id"]}
    refused(second, "POST", "/v1/consultations", taken, 409, "TM901")
    refused(second, "GET", consultation, None, 404, "TM403")

    step(
        "The patient moves to the later slot; the second patient books the earlier one and cancels"
    )
    moved = first.sends(
        "POST", f"{consultation}/reschedule", {"slot_id": later["id"]}, key=new_key(), expect=200
    ).body
    require(moved["id"] == booking.body["id"], "the consultation keeps its id")
    require(moved["slot_id"] == later["id"], "the consultation is in the later slot")
    other = second.sends("POST", "/v1/consultations", taken, key=new_key(), expect=201).body
    if inbox:
        before = entry
        entry = received(inbox, first.email, "Consultation moved")
        require(entry["UID"] == before["UID"], "it is the same entry of the calendar")
        require(int(entry["SEQUENCE"]) > int(before["SEQUENCE"]), "in a newer version")
        require(entry["DTSTART"] == utc(later["starts_at"]), "at the time of the later slot")
        received(inbox, second.email, "Consultation booked")
    second.sends("POST", f"/v1/consultations/{other['id']}/cancel", {}, expect=200)
    if inbox:
        entry = received(inbox, second.email, "Consultation cancelled")
        require(entry["METHOD"] == "CANCEL", "the file takes the consultation out of the calendar")
        require(entry["STATUS"] == "CANCELLED", "the entry says that it is cancelled")
    doctor.sends("DELETE", f"/v1/slots/{slot['id']}", expect=204)

    step("Patient and doctor enter the same video room, the second patient does not")
    refused(second, "POST", f"{consultation}/join", None, 404, "TM403")
    rooms = [room(person, f"{consultation}/join") for person in (first, doctor)]
    require(rooms[0] == rooms[1], "patient and doctor meet in one room")

    step("The doctor completes the consultation shortly before its start, and only then prescribes")
    drugs = {"items": [{"drug": "Hydrocortisone 1 %", "dosage": "thinly", "duration_days": 7}]}
    refused(doctor, "POST", f"{consultation}/prescriptions", drugs, 409, "TM907")
    done = doctor.sends("POST", f"{consultation}/complete", {"notes": "Eczema"}, expect=200).body
    require(done["status"] == "completed", "the consultation is completed")
    refused(doctor, "POST", f"{consultation}/cancel", {}, 409, "TM905")
    refused(doctor, "POST", f"{consultation}/join", None, 409, "TM905")
    issued = doctor.sends("POST", f"{consultation}/prescriptions", drugs, expect=201).body
    listed = first.sends("GET", f"{consultation}/prescriptions", expect=200).body["items"]
    require(listed == [issued], "the patient reads the prescription")

    if inbox:
        step("The other system has got what happened, signed and in order")
        types = ["booked", "rescheduled", "joined", "joined", "completed"]
        arrived = inbox.events(webhook["secret"], booking.body["id"], len(types))
        for event in arrived:
            say(f"  <- {event['type']}")
        names = [event["type"] for event in arrived if event["type"].startswith("consultation.")]
        require(names == [f"consultation.{name}" for name in types], f"the events are {types}")
        admin.sends("DELETE", f"/v1/webhooks/{webhook['id']}", expect=204)

    step("The admin records a payment and refunds a part, and not more than was captured")
    fee = done["fee_minor"]
    money = {"amount_minor": fee, "currency": done["currency"], "method": "card"}
    refused(first, "POST", f"{consultation}/payments", money, 403, "TM301", new_key())
    payment = admin.sends("POST", f"{consultation}/payments", money, key=new_key(), expect=201).body
    refused(admin, "POST", f"{consultation}/payments", money, 409, "TM908", new_key())
    paid = first.sends("GET", f"{consultation}/payments", expect=200).body["items"]
    require(paid == [payment], "the patient reads the payment")
    refunds = f"/v1/payments/{payment['id']}/refunds"
    part = {"amount_minor": fee // 2, "reason": "A short consultation"}
    admin.sends("POST", refunds, part, key=new_key(), expect=201)
    refused(admin, "POST", refunds, {"amount_minor": fee}, 409, "TM909", new_key())

    step("The admin reads the figures, and others are refused")
    figures = admin.sends("GET", "/v1/admin/analytics", expect=200).body
    require(figures["completed_consultations"] >= 1, "the completed consultation is counted")
    refused(first, "GET", "/v1/admin/analytics", None, 403, "TM301")

    step("The audit log names who did what")
    trail = {"table_name": "consultations", "row_id": booking.body["id"]}
    rows = admin.sends("GET", "/v1/admin/audit-logs", query=trail, expect=200).body["items"]
    who = [(row["operation"], row["role"]) for row in reversed(rows)]
    expected = [("INSERT", "patient"), ("UPDATE", "patient"), ("UPDATE", "doctor")]
    require(who == expected, f"the audit log is {expected}")
    history = first.sends("GET", f"{consultation}/history", expect=200).body["items"]
    events = [event["event"] for event in history]
    require(events == ["booked", "rescheduled", "completed"], "the history names each step")

    step("What must always hold does")
    invariants = admin.sends("GET", "/v1/admin/invariants", expect=200).body["items"]
    require(bool(invariants), "there are invariants")
    require(not any(row["violations"] for row in invariants), "no invariant is violated")


def received(inbox: Inbox, email: str, subject: str) -> dict[str, str]:
    """The calendar file of an e-mail, which is printed without its texts."""
    mail = inbox.mail(email, subject)
    say(f"  <- {mail['Subject']}")
    entry = calendar_of(mail)
    for name in ("METHOD", "UID", "SEQUENCE", "STATUS", "DTSTART", "DTEND"):
        say(f"     {name}:{entry[name]}")
    require(entry["method of the part"] == entry["METHOD"], "the part has the method of the file")
    return entry


def utc(text: str) -> str:
    """A time of an answer as calendar files have it."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def room(person: Person, path: str) -> str:
    """The video room for which a person gets a token (JWT, RFC 7519)."""
    answer = person.sends("POST", path, expect=200).body
    require(answer["opens_at"] < answer["closes_at"], "the answer says when the room is open")
    claims = answer["token"].split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    # LiveKit, or Jitsi
    return str(found["video"]["room"] if "video" in found else found["room"])


def publish(doctor: Person) -> list[Any]:
    """Two slots of five minutes: the later one can be completed already, 15 minutes before it."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    times = [start + timedelta(minutes=5 * n) for n in range(3)]
    return [
        doctor.sends(
            "POST",
            "/v1/slots",
            {"starts_at": begin.isoformat(), "ends_at": end.isoformat()},
            expect=201,
        ).body
        for begin, end in pairwise(times)
    ]


def refused(
    person: Person,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    status: int,
    code: str,
    key: str = "",
) -> None:
    """Send a request that has to be refused with this status and code."""
    if method == "POST" and path == "/v1/consultations":
        key = new_key()
    answer = person.sends(method, path, body, key=key, expect=status)
    require(answer.body["code"] == code, f"the refusal should have the code {code}")


def fetch(request: Request) -> Answer:
    """The answer, whatever its status."""
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, parsed(answer.read()))
    except HTTPError as error:
        return Answer(error.code, error.headers, parsed(error.read()))
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        where = request.full_url.split("/", 3)[:3]
        raise CommandError(
            f"no server answers at {'/'.join(where)} ({reason}): start one with `make run`"
        ) from None


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        raise CommandError("an answer was not JSON") from None


def shown(body: Any) -> str:
    """A body in one line, without secrets, shortened; of a problem its title and detail."""
    if not isinstance(body, dict):
        return ""
    if "code" in body and "detail" in body:
        return f"{body['code']}: {body['detail']}"
    body = {key: "..." if key in SECRETS else value for key, value in body.items()}
    text = json.dumps(body, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}..."


def require(holds: bool, what: str) -> None:
    if not holds:
        raise CommandError(f"not as it should be: {what}")


def step(title: str) -> None:
    say(f"\n{title}")


def new_key() -> str:
    return str(uuid.uuid4())


if __name__ == "__main__":
    command_line("tour", main)
