"""The short form of `make drill NAME=worker`, and faults that its checks must find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest

from api.calendar_files import consultation_calendar
from drills.worker import clock_changes, consultations, orders
from drills.worker.orders import Drill, Plan
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support.orders import EFFECTS


def test_nothing_is_lost_stuck_or_done_twice(cluster: Cluster, tmp_path: Path) -> None:
    result = orders.run(cluster, "telemed_worker_drill", tmp_path, Plan(seconds=10, seed=3))
    assert result.faults == []
    assert result.runs > result.orders


def test_mails_and_webhooks_arrive_whatever_befalls_workers_and_servers(
    cluster: Cluster, tmp_path: Path
) -> None:
    plan = consultations.Plan(seconds=8, seed=5)
    result = consultations.run(cluster, "telemed_worker_drill_2", tmp_path, plan)
    assert result.faults == []
    assert result.mails > 2 * result.consultations
    assert result.failures.total() > 0


def test_reminders_and_calendar_files_beside_a_clock_change_have_their_instant(
    cluster: Cluster,
) -> None:
    result = clock_changes.run(cluster, "telemed_worker_drill_3")
    assert result.faults == []
    changes = 2 * len(clock_changes.ZONES)
    assert result.reminders == changes * 3 * 2
    assert result.calendars == changes * (3 + 3) * 2


@pytest.mark.parametrize(
    ("line", "damaged"),
    [
        ("DTSTART:20270328T005000Z", "DTSTART:20270328T015000Z"),
        ("DTSTART:20270328T005000Z", "DTSTART;TZID=Europe/Berlin:20270328T015000"),
        ("DTEND:20270328T011000Z", "DURATION:PT20M"),
        ("DTEND:20270328T011000Z", "DTEND:20270328T011000"),
        ("SEQUENCE:1", "SEQUENCE:0"),
        ("METHOD:REQUEST", "METHOD:CANCEL"),
    ],
)
def test_check_of_calendar_files_finds_a_fault(line: str, damaged: str) -> None:
    start = datetime(2027, 3, 28, 0, 50, tzinfo=UTC)
    row = {
        **dict.fromkeys(("starts_at_local", "ends_at_local", "time_zone", "language"), "en"),
        "consultation_id": "c1",
        "sequence": 1,
        "status": "scheduled",
        "doctor_name": None,
        "starts_at": start,
        "ends_at": start + clock_changes.LENGTH,
        "created_at": start,
        "updated_at": start,
    }
    parties = {"organizer": "clinic@clinic.test", "attendee": "pat@clinic.test"}
    text = consultation_calendar([row], "REQUEST", **parties).decode()
    assert line in text

    def faults(text: str) -> list[str]:
        mail = EmailMessage()
        mail.set_content(text, subtype="calendar")
        return list(clock_changes.calendar_faults(mail, "REQUEST", "CONFIRMED", 1, {"c1": start}))

    assert faults(text) == []
    assert len(faults(text.replace(line, damaged))) == 1


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("delete from drill.effects where order_id = 1", "1 orders were lost"),
        ("insert into drill.effects (order_id) values (1)", "1 orders had their effect twice"),
        ("select app.enqueue_job('drill', '{}')", "1 jobs are stuck"),
        (
            "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)"
            " values ('default', 'drill', 'failed')",
            "1 jobs were given up",
        ),
        (
            "update drill.orders set line = 1; insert into drill.orders values (0, 1, 'done');"
            "insert into drill.effects (order_id) values (0)",
            "1 effects came out of the order of their line",
        ),
        (
            "alter table app.payments disable trigger payments_stay_within_bounds",
            "1 invariants are violated",
        ),
    ],
)
def test_checks_find_a_fault(cluster: Cluster, tmp_path: Path, damage: str, fault: str) -> None:
    name = "telemed_worker_damage"
    cluster.create_database(name, TEMPLATE)
    try:
        cluster.sql(EFFECTS.read_text(), name)
        with psycopg.connect(cluster.url(name), autocommit=True) as connection:
            found = Drill(cluster, name, tmp_path, Plan(), connection)
            connection.execute("insert into drill.orders values (1, 0, 'done')")
            connection.execute("insert into drill.effects (order_id) values (1)")
            assert list(found.faults()) == []
            connection.execute(damage.encode())
            assert list(found.faults()) == [fault]
            found.crew.end()
    finally:
        cluster.drop_database(name)


def test_checks_of_mails_and_webhooks_find_a_fault(cluster: Cluster, tmp_path: Path) -> None:
    name = "telemed_worker_damage_2"
    with consultations.opened(cluster, name, tmp_path, consultations.Plan(seed=1)) as drill:
        drill.crew.hire(1)
        for _ in range(6):
            drill.change()
        drill.recover()
        assert drill.result.faults == []
        onlooker, received, mails = (
            drill.clinic.onlooker,
            drill.receiver.received,
            drill.mailbox.mails,
        )
        first = "where id = (select min(id::text)::uuid from app.{} where status = '{}'{})"
        message = first.format("messages", "sent", " and kind = 'booked'")
        delivery = first.format("webhook_deliveries", "delivered", "")
        for damage, fault in (
            (f"update app.messages set status = 'pending', settled_at = null {message}", "stuck"),
            (
                f"update app.messages set status = 'failed', reason = 'given_up' {message}",
                "messages were given up",
            ),
            (
                f"update app.webhook_deliveries set status = 'given_up' {delivery}",
                "deliveries were given up",
            ),
            (
                f"delete from app.webhook_attempts; delete from app.webhook_deliveries {delivery}",
                "no delivery",
            ),
            (f"delete from app.messages {message}", "no message"),
            (
                "update app.messages as m set status = 'skipped', reason = 'moved'"
                " from app.consultations as c where c.id = m.consultation_id"
                " and c.status = 'scheduled' and c.starts_at = m.starts_at and m.status = 'sent'",
                "skipped without a cause",
            ),
            (
                "delete from app.consultations where status = 'scheduled'",
                "another state",
            ),
            (
                "update app.messages set status = 'skipped', reason = 'cancelled'"
                " where kind = 'cancelled' and status = 'sent'",
                "skipped without a cause",
            ),
            (
                "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)"
                " values ('default', 'send_message', 'doing')",
                "stuck",
            ),
        ):
            onlooker.execute("begin; set local session_replication_role = replica")
            onlooker.execute(damage.encode())
            assert any(fault in found for found in drill.faults()), fault
            onlooker.execute("rollback")
        lost = mails.pop()
        assert list(drill.faults()) == ["1 mails are settled and did not arrive"]
        mails += [lost, lost]
        again = ["1 mails arrived again after attempts whose outcome was known"]
        assert list(drill.faults()) == again
        message_id = lost["Message-ID"].strip("<").partition("@")[0]
        for outcome, faults in (
            (None, []),  # the worker was lost
            ("SMTPServerDisconnected: Connection unexpectedly closed: timed out", []),
            ("451 4.3.0 try later", again),
            ("no connection: ConnectionRefusedError: [Errno 111] Connection refused", again),
            ("skipped", again),
        ):
            onlooker.execute("begin")
            onlooker.execute(
                "insert into drill.attempts select id, 0, %s from app.messages"
                " where event_id || '.' || kind || '.' || right(user_id::text, 12) = %s",
                (outcome, message_id),
            )
            assert list(drill.faults()) == faults, outcome
            onlooker.execute("rollback")
        mails.pop()
        received.append(received[0])
        again = ["1 deliveries arrived again after attempts whose outcome was known"]
        assert list(drill.faults()) == again
        for status_code, error, faults in (
            (None, "The connection was lost", []),
            (None, "The worker ended before it could report the outcome", []),
            (None, "The connection was refused", again),
            (500, None, again),
        ):
            onlooker.execute("begin")
            onlooker.execute(
                "insert into app.webhook_attempts"
                " (endpoint_id, delivery_id, attempt, attempted_at, status_code, error)"
                " select endpoint_id, id, 0, now(), %s, %s from app.webhook_deliveries"
                " where app.webhook_message_id(endpoint_id, event_id, id) = %s",
                (status_code, error, received[0].id),
            )
            assert list(drill.faults()) == faults, error
            onlooker.execute("rollback")
        received[-1] = replace(received[0], status=503)
        assert list(drill.faults()) == [], "a webhook that was refused has not arrived"
        received.pop()
        received.reverse()
        assert "events of a consultation arrived out of order" in list(drill.faults())
        received.reverse()
        received[0].headers["webhook-signature"] = "v1,"
        assert "a delivery has a wrong signature" in list(drill.faults())
