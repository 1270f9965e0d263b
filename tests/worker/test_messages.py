"""Messages from the database to a server: sent once, and never what is not true any more."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api import config
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import at, new_key
from tests.support.clinic import Clinic, open_clinic
from tests.support.server import environment
from tests.support.smtp import Gateway, Mailbox, gateway_server, smtp_server
from tests.support.sql_client import SqlClient
from worker import db
from worker.channels import Channels
from worker.tasks import messages

INTERLEAVINGS = int(os.environ.get("INTERLEAVINGS") or 250)  # 1000 take half a minute
DISPATCH = "select app.add_messages_of_event(e) from app.events as e order by e.id"


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        clinic.rows(DISPATCH)
        yield clinic


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def settings(mailbox: Mailbox, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of a worker that sends to the mailbox; this process uses them, too."""
    port = stack.enter_context(smtp_server(mailbox))
    settings = {
        "SMTP_URL": f"smtp+plaintext://127.0.0.1:{port}",
        "MAIL_FROM": "The Clinic <no-reply@clinic.example>",
    }
    use(settings, stack, monkeypatch)
    return settings


def use(settings: dict[str, str], stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = config.load(settings, to_serve=False)
    channels = Channels(loaded)
    stack.callback(channels.close)
    monkeypatch.setattr(messages, "settings", lambda: loaded)
    monkeypatch.setattr(messages, "channels", lambda: channels)


def work(clinic: Clinic, job: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Run tasks with the connections of a worker."""

    async def run() -> None:
        pool = db.new_pool(clinic.cluster.url(clinic.database, "telemed_worker"), 8)
        await pool.open()
        try:
            await job()
        finally:
            await pool.close()

    asyncio.run(run())


def send(clinic: Clinic, *ids: object) -> None:
    async def all_of_them() -> None:
        for message_id in ids:
            await messages.send_message(str(message_id))

    work(clinic, all_of_them)


DAYS = iter(range(30, 3000))


def book(clinic: Clinic, reason: str = "an itch") -> str:
    """A consultation of the patient with the doctor, with its messages; its id."""
    start = at(next(DAYS), 9)
    slot = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
    slot_id = clinic.call("doctor", "publish_slot", **slot)["id"]
    booked = {"slot_id": slot_id, "reason": reason, "idempotency_key": new_key()}
    row = clinic.call("patient", "book_consultation", **booked)
    clinic.rows(DISPATCH)
    return str(row["id"])


def message(clinic: Clinic, consultation_id: str, person: str, kind: str) -> str:
    query = "select id from app.messages where consultation_id = %s and user_id = %s and kind = %s"
    ((found,),) = clinic.rows(query, (consultation_id, clinic.people[person].id, kind))
    return str(found)


def state(clinic: Clinic, message_id: str) -> tuple[Any, ...]:
    (row,) = clinic.rows(
        "select status, attempt, reason, error from app.messages where id = %s", (message_id,)
    )
    return row


def end_lease(clinic: Clinic, message_id: str) -> None:
    """Two minutes later."""
    clinic.rows("set session_replication_role = replica")
    clinic.rows(
        "update app.messages set send_at = app.clock(),"
        " lease_ends_at = case when lease_ends_at is not null then app.clock() - interval '1 s' end"
        " where id = %s",
        (message_id,),
    )
    clinic.rows("reset session_replication_role")


def text_of(mail: EmailMessage) -> str:
    return "\n".join(part.get_content() for part in mail.walk() if not part.is_multipart())


def test_booking_and_cancellation_are_told_to_both_with_a_calendar_file(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    consultation = book(clinic, "a secret reason")
    sent = [message(clinic, consultation, person, "booked") for person in ("patient", "doctor")]
    send(clinic, *sent)
    clinic.call("patient", "cancel_consultation", consultation_id=consultation)
    clinic.rows(DISPATCH)
    sent += [message(clinic, consultation, person, "cancelled") for person in ("patient", "doctor")]
    send(clinic, *sent)  # the first two once more: nothing is sent twice
    assert [state(clinic, one) for one in sent] == [("sent", 1, None, None)] * 4
    assert [mail["To"].addresses[0].addr_spec for mail in mailbox.mails] == [
        "patient@attacked.test",
        "doctor@attacked.test",
    ] * 2
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 4
    assert mailbox.connections == 1
    for mail, method in zip(mailbox.mails, ("REQUEST", "REQUEST", "CANCEL", "CANCEL"), strict=True):
        _text, _html, calendar = mail.iter_parts()
        assert calendar.get_content_type() == "text/calendar"
        assert calendar["Content-Type"].params["method"] == method
        assert f"METHOD:{method}" in calendar.get_content()
        assert f"UID:{consultation}" in calendar.get_content().replace("\r\n ", "")
        assert "secret" not in text_of(mail)
        assert "Europe/Berlin" in text_of(mail)
    assert "Name of patient" not in text_of(mailbox.mails[1])


def test_refused_recipient_is_failed_and_visible_to_a_dba(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    one = message(clinic, book(clinic), "patient", "booked")
    mailbox.recipients["patient"] = "550 5.1.1 no such user"
    send(clinic, one)
    assert state(clinic, one) == ("failed", 1, "refused", "550 5.1.1 no such user")
    listed = clinic.rows("select id::text, reason, error from ops.undelivered_messages()")
    assert (one, "refused", "550 5.1.1 no such user") in listed
    mailbox.recipients.clear()
    clinic.rows("select ops.repeat_message(%s)", (one,))
    send(clinic, one)
    assert state(clinic, one) == ("sent", 2, None, None)
    assert len(mailbox.mails) == 1


def test_server_that_refuses_for_now_gets_the_message_later(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    one = message(clinic, book(clinic), "patient", "booked")
    mailbox.texts["Subject"] = "451 4.7.1 try later"
    send(clinic, one)
    assert state(clinic, one) == ("pending", 1, None, "451 4.7.1 try later")
    mailbox.texts.clear()
    send(clinic, one)
    assert mailbox.mails == [], "the wait is not over"
    end_lease(clinic, one)
    send(clinic, one)
    assert state(clinic, one) == ("sent", 2, None, None)


def test_repeat_after_a_lost_answer_has_the_same_message_id(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    one = message(clinic, book(clinic), "patient", "booked")
    mailbox.drops = True  # after it has accepted the message
    send(clinic, one)
    assert state(clinic, one)[:3] == ("pending", 1, None)
    mailbox.drops = False
    end_lease(clinic, one)
    send(clinic, one)
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]


KILLED = """
import asyncio, os, signal, sys
from worker import db
from worker.tasks import messages

async def main():
    await db.new_pool(os.environ["WORKER_DATABASE_URL"], 1).open()
    def die(*arguments): os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "before":
        messages.hand_over = die
    else:
        messages.settle = die
    await messages.send_message(sys.argv[2])

asyncio.run(main())
"""


@pytest.mark.parametrize(("moment", "mails"), [("before", 1), ("after", 2)])
def test_killed_worker_leaves_its_message_to_another_one(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str], moment: str, mails: int
) -> None:
    one = message(clinic, book(clinic), "patient", "booked")
    url = clinic.cluster.url(clinic.database, "telemed_worker")
    killed = subprocess.run(
        (sys.executable, "-c", KILLED, moment, one),
        cwd=CHECKOUT,  # which -c imports from
        env=environment("", WORKER_DATABASE_URL=url, **settings),
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    assert state(clinic, one)[:2] == ("sending", 1)
    send(clinic, one)
    assert state(clinic, one)[:2] == ("sending", 1), "the lease protects it"
    end_lease(clinic, one)
    work(clinic, lambda: db.call("requeue_messages"))
    send(clinic, one)
    assert state(clinic, one) == ("sent", 2, None, None)
    # Accepted and not settled: a repeat that cannot be avoided, but recognised.
    assert len(mailbox.mails) == mails
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1


def test_slow_server_keeps_a_cancellation_waiting_for_a_second_at_most(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    consultation = book(clinic)
    one = message(clinic, consultation, "patient", "booked")
    mailbox.stall = 2.5
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(send, clinic, one)
        deadline = time.monotonic() + 20
        held = "select 1 from pg_stat_activity where state = 'idle in transaction' and datname = %s"
        while not clinic.rows(held, (clinic.database,)) and time.monotonic() < deadline:
            time.sleep(0.01)
        began = time.monotonic()
        # With the lock_timeout of the API's login: a longer wait would be an error.
        clinic.call("patient", "cancel_consultation", consultation_id=consultation)
        waited = time.monotonic() - began
        sending.result()
    assert 0.3 < waited < 1.5
    assert len(mailbox.mails) == 1
    assert state(clinic, one) == ("sent", 1, None, None)


def test_no_reminder_is_sent_for_a_cancelled_consultation(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str]
) -> None:
    pairs = due_reminders(clinic, INTERLEAVINGS)
    consultations = {event: consultation for event, consultation, _message in pairs}
    statuses: list[str] = []
    mutex = threading.Lock()
    onlooker = psycopg.connect(clinic.cluster.url(clinic.database), autocommit=True)
    query = b"select status from app.consultations where id = %s"

    def look(mail: EmailMessage) -> None:
        event = re.match(r"<(\d+)\.", mail["Message-ID"])
        assert event
        with mutex:
            row = onlooker.execute(query, (consultations[int(event[1])],)).fetchone()
            statuses.append(row[0] if row else "")

    mailbox.on_text = look
    at_once = 6
    # Seconds that messages took: a cancellation comes while one is sent, on a slow machine too.
    took = [0.04]
    local = threading.local()
    clients: list[SqlClient] = []
    codes: list[str] = []

    def cancel(consultation_id: str, delay: float) -> None:
        if not hasattr(local, "client"):
            local.client = SqlClient(clinic.url("api"))
            clients.append(local.client)
        time.sleep(delay)
        person = clinic.people["patient"]
        answer = local.client.call(person, "cancel_consultation", consultation_id=consultation_id)
        codes.append(answer.code)

    async def interleave() -> None:
        gate = asyncio.Semaphore(at_once)
        loop = asyncio.get_running_loop()

        async def one(consultation_id: str, message_id: str) -> None:
            async with gate:
                delay = random.uniform(0, 1.5 * statistics.fmean(took[-20:]))
                cancelling = loop.run_in_executor(threads, cancel, consultation_id, delay)
                began = time.monotonic()
                await messages.send_message(message_id)
                took.append(time.monotonic() - began)
                await cancelling

        await asyncio.gather(*(one(c, m) for _event, c, m in pairs))

    with closing(onlooker), ThreadPoolExecutor(at_once) as threads:
        work(clinic, interleave)
    for client in clients:
        client.close()

    assert codes == [""] * INTERLEAVINGS, "a cancellation never fails because of a message"
    found = clinic.rows(
        "select m.status, m.reason::text, c.status, count(*) from app.messages as m"
        " join app.consultations as c on c.id = m.consultation_id"
        " where m.id = any (%s::uuid[]) group by 1, 2, 3",
        ([m for _event, _consultation, m in pairs],),
    )
    counts = {(row[0], row[1]): row[3] for row in found}
    assert {row[2] for row in found} == {"cancelled"}
    assert set(counts) == {("sent", None), ("skipped", "cancelled")}, counts
    assert min(counts.values()) > INTERLEAVINGS // 50, f"too few interleavings differ: {counts}"
    # While the server accepts a mail its consultation is scheduled, to the last one.
    assert statuses == ["scheduled"] * counts["sent", None]
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(statuses)


def due_reminders(clinic: Clinic, count: int) -> list[tuple[int, str, str]]:
    """Consultations whose reminder is due now: event, consultation and message of each."""
    start = at(next(DAYS) + 4000, 0)
    clinic.rows(
        """
        with slots as (
            insert into app.availability_slots (doctor_id, starts_at, ends_at)
            select %s, s, s + interval '5 minutes'
            from generate_series(0, %s - 1) as n
            cross join lateral (select %s::timestamptz + n * interval '5 minutes') as t (s)
            returning id, doctor_id, starts_at, ends_at)
        select count(*) from slots""",
        (clinic.people["doctor"].id, count, start),
    )
    clinic.rows(
        """
        insert into app.consultations
            (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency)
        select s.id, s.doctor_id, %s, s.starts_at, s.ends_at, 5000, 'EUR'
        from app.availability_slots as s
        where s.starts_at >= %s and s.status = 'open' and s.doctor_id = %s""",
        (clinic.people["patient"].id, start, clinic.people["doctor"].id),
    )
    clinic.rows(
        "select app.add_messages_of_event(e) from app.events as e"
        " where e.type = 'consultation.booked' and (e.data ->> 'starts_at')::timestamptz >= %s",
        (start,),
    )
    found = clinic.rows(
        "update app.messages set send_at = app.clock()"
        " where kind = 'reminder_24h' and starts_at >= %s"
        " returning event_id, consultation_id::text, id::text",
        (start,),
    )
    assert len(found) == count
    return [(row[0], row[1], row[2]) for row in found]


def test_sms_goes_to_the_gateway_for_those_who_want_it(
    clinic: Clinic, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox
) -> None:
    gateway = Gateway()
    url = stack.enter_context(gateway_server(gateway))
    use({"SMS_URL": url, "SMS_TOKEN": "tok"}, stack, monkeypatch)
    wish = {"kind": "booked", "by_email": False, "by_sms": True}
    clinic.call("patient", "update_my_notifications", **wish)
    try:
        consultation = book(clinic)
    finally:
        clinic.call(
            "patient", "update_my_notifications", kind="booked", by_email=True, by_sms=False
        )
    one = message(clinic, consultation, "patient", "booked")
    clinic.call("patient", "update_my_notifications", **wish)
    send(clinic, one)
    clinic.call("patient", "update_my_notifications", kind="booked", by_email=True, by_sms=False)
    ((_path, _headers, body),) = gateway.requests
    assert body["to"].startswith("+49 555")
    assert "(Europe/Berlin)" in body["text"]
    assert state(clinic, one) == ("sent", 1, None, None)


def test_message_without_a_server_in_production_fails_and_names_the_setting(
    clinic: Clinic, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    use({"APP_ENV": "production"}, stack, monkeypatch)
    one = message(clinic, book(clinic), "patient", "booked")
    send(clinic, one)
    assert state(clinic, one) == ("failed", 1, "refused", "SMTP_URL is not set")


def test_token_of_the_mail_sets_a_new_password_and_is_stored_nowhere(
    clinic: Clinic, mailbox: Mailbox, settings: dict[str, str], tmp_path: Path
) -> None:
    email = clinic.emails["other_patient"]
    clinic.call("nobody", "request_password_reset", email=email, address="192.0.2.1")
    clinic.rows(DISPATCH)
    ((one,),) = clinic.rows(
        "select id::text from app.messages where kind = 'password_reset' and status = 'pending'"
    )
    send(clinic, one)
    (mail,) = mailbox.mails
    assert mail["To"].addresses[0].addr_spec == email
    found = re.search(r"Your code: (\S{43,44})", text_of(mail))
    assert found
    dump = subprocess.run(
        ("pg_dump", "--data-only", "--inserts"),
        env=clinic.cluster.environment(clinic.database),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert one in dump
    assert found[1] not in dump
    new_hash = "$2b$04$" + "n" * 53
    answer = clinic.api.call(
        clinic.people["nobody"], "reset_password", token=found[1], new_password_hash=new_hash
    )
    assert answer.code == ""
    ((stored,),) = clinic.rows("select password_hash from app.users where email = %s", (email,))
    assert stored == new_hash


def test_worker_sends_what_the_database_enqueues(
    cluster: Cluster, new_database: Callable[[], str], mailbox: Mailbox, settings: dict[str, str]
) -> None:
    with open_clinic(cluster, new_database()) as clinic:
        worker = subprocess.Popen(
            (sys.executable, "-m", "worker"),
            cwd=CHECKOUT,
            env=environment(
                "", WORKER_DATABASE_URL=cluster.url(clinic.database, "telemed_worker"), **settings
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            clinic.call("nobody", "request_password_reset", email=clinic.emails["patient"])
            deadline = time.monotonic() + 60
            waiting = "select count(*) from app.messages where send_at <= app.clock()"
            jobs = "select count(*) from procrastinate.procrastinate_jobs"
            open_jobs = f"{jobs} where task_name = 'dispatch_event'"
            while time.monotonic() < deadline:
                ((events,),) = clinic.rows(open_jobs)
                ((open_messages,),) = clinic.rows(f"{waiting} and settled_at is null")
                if events == open_messages == 0:
                    break
                time.sleep(0.2)
        finally:
            worker.terminate()
            output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0, output.decode()
        assert clinic.rows(f"{waiting} and status not in ('sent', 'skipped')") == [(0,)]
        ((sent,),) = clinic.rows(f"{waiting} and status = 'sent'")
        assert sent == len(mailbox.mails) > 15
        subjects = {mail["Subject"].partition(":")[0] for mail in mailbox.mails}
        assert {
            "Consultation cancelled",
            "Verify your e-mail address",
            "Choose a new password",
            "We have received your payment",
            "You get a refund",
        } <= subjects
        lines = output.decode()
        assert '"event": "message"' in lines
        assert "@attacked.test" not in lines
