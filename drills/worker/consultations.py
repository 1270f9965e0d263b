"""Consultations that are booked, moved and cancelled while their mails and webhooks meet failures.

The workers are those of production. They meet what befalls a crew, and an SMTP server and a
receiver of webhooks that refuse connections, refuse what they get, stall for longer than the
worker waits, and drop connections. Every mail and every delivery has to arrive. A repeat has to be
recognisable, and to follow an attempt that ended without a known outcome.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from standardwebhooks import Webhook, WebhookVerificationError

from api import webhook_secrets
from drills.worker.crew import Crew, drained
from drills.worker.gate import Gate
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support.client import at, new_key
from tests.support.clinic import Clinic, open_clinic
from tests.support.receiver import HOST, Received, Receiver, certificate, receiving
from tests.support.server import MFA_KEY
from tests.support.smtp import Mailbox, smtp_server

FIRST_DAY = 30
CALM_CHANGES = 3
TIMEOUT = 1  # seconds that a worker waits for either server
STALL = 1.5
# A second of the drill is ten minutes of back-off, or twenty seconds of a lease: a drill cannot
# wait for days, and a lease has to outlast what a worker does with it.
BACK_OFF, LEASE = "10 minutes", "20 seconds"
TIME_PASSES = (
    f"update app.messages set send_at = send_at - interval '{BACK_OFF}'"
    " where status = 'pending' and kind not like 'reminder%'",
    f"update app.messages set lease_ends_at = lease_ends_at - interval '{LEASE}'"
    " where status = 'sending'",
    f"update app.webhook_deliveries set next_attempt_at = next_attempt_at - interval '{BACK_OFF}'"
    " where status = 'pending'",
    f"update app.webhook_deliveries set lease_ends_at = lease_ends_at - interval '{LEASE}'"
    " where status = 'sending'",
    f"update procrastinate.later_jobs set scheduled_at = scheduled_at - interval '{BACK_OFF}'"
    " where scheduled_at < now() + interval '2 days'",
    "update procrastinate.procrastinate_jobs"
    f" set scheduled_at = scheduled_at - interval '{BACK_OFF}'"
    " where status = 'todo' and scheduled_at > now()",
    "select work.requeue_messages(), work.resume_deliveries()",  # as every minute
)
# Reminders wait for their day.
UNSETTLED = """
select (select count(*) from app.messages
         where status in ('pending', 'sending') and kind not like 'reminder%')
     + (select count(*) from app.webhook_deliveries where status in ('pending', 'sending'))
     + (select count(*) from procrastinate.procrastinate_jobs as j
         where j.task_name in ('dispatch_event', 'send_message', 'deliver_webhook')
           and (j.status = 'doing' or (j.status = 'todo' and j.scheduled_at <= now())))
"""
# How each attempt to send a message ended, as app.webhook_attempts has it for webhooks. outcome:
# null if it had none when its lease was over.
NOTES = """
create schema drill;
create table drill.attempts (message_id uuid, attempt integer, outcome text);
create function drill.note_attempt() returns trigger language plpgsql security definer as $$
begin
    insert into drill.attempts
    values (old.id, old.attempt,
        case
            when new.status = 'sending' then null  -- another worker has claimed it
            when current_query() like '%requeue_messages%' then null
            else coalesce(new.error, new.status)
        end);
    return null;
end;
$$;
create trigger attempts_are_noted after update on app.messages for each row
when (old.status = 'sending' and (new.status <> 'sending' or new.attempt <> old.attempt))
execute function drill.note_attempt();
"""
# Neither an answer of the server nor the lack of a connection: it may have accepted the mail.
UNKNOWN_MAIL = "coalesce(a.outcome !~ '^(sent$|skipped$|no connection: |[245][0-9][0-9] )', true)"
UNKNOWN_WEBHOOK = "a.status_code is null and a.error <> 'The connection was refused'"
# The id, the status, and how many copies may have been accepted: one of the attempt that succeeded,
# and one of each without a known outcome.
MESSAGES = f"""
select m.event_id || '.' || m.kind || '.' || right(m.user_id::text, 12), m.status,
       (m.status = 'sent')::integer + (
           select count(*) from drill.attempts as a
            where a.message_id = m.id and {UNKNOWN_MAIL})
  from app.messages as m where m.kind not like 'reminder%'
"""
DELIVERIES = f"""
select app.webhook_message_id(d.endpoint_id, d.event_id, d.id), d.status,
       (d.status = 'delivered')::integer + (
           select count(*) from app.webhook_attempts as a
            where a.delivery_id = d.id and {UNKNOWN_WEBHOOK})
  from app.webhook_deliveries as d
"""
# What the attempts that failed have met
FAILURES = """
select format('%s: %s', f.what, f.met), count(*)
  from (
      select 'mails' as what,
             case when a.outcome is null then 'workers lost'
                  when a.outcome ~ '^[45][0-9][0-9] ' then 'refused'
                  when a.outcome like 'no connection: %' then 'connections refused'
                  when a.outcome like '%timed out%' then 'time-outs'
                  else 'connections lost' end as met
        from drill.attempts as a where a.outcome is distinct from 'sent'
                                   and a.outcome is distinct from 'skipped'
      union all
      select 'webhooks',
             case when a.status_code is not null then 'refused'
                  when a.error like 'The worker ended%' then 'workers lost'
                  when a.error = 'The connection was refused' then 'connections refused'
                  when a.error like 'No complete answer%' then 'time-outs'
                  else 'connections lost' end
        from app.webhook_attempts as a where a.status_code is distinct from 204
  ) as f
 group by 1
"""
MET = [
    f"{what}: {met}"
    for what in ("mails", "webhooks")
    for met in ("connections lost", "connections refused", "refused", "time-outs", "workers lost")
]
FAULTS = {
    "messages or deliveries are stuck": UNSETTLED,
    "messages were given up": "select count(*) from app.messages where status = 'failed'",
    "deliveries were given up": (
        "select count(*) from app.webhook_deliveries where status = 'given_up'"
    ),
    "events have no message for somebody": """
        select count(*) from app.events as e
         cross join lateral unnest(array[e.patient_id, e.doctor_id]) as u (id)
         where e.type in ('consultation.booked', 'consultation.rescheduled',
                          'consultation.cancelled')
           and not exists (
               select from app.messages as m
                where m.event_id = e.id and m.user_id = u.id and m.kind not like 'reminder%')""",
    "events have no delivery": """
        select count(*) from app.events as e
         where e.type in ('consultation.booked', 'consultation.rescheduled',
                          'consultation.cancelled')
           and e.occurred_at >= (select min(w.created_at) from app.webhook_endpoints as w)
           and not exists (select from app.webhook_deliveries as d where d.event_id = e.id)""",
    "messages were skipped without a cause": """
        select count(*) from app.messages as m
          join app.consultations as c on c.id = m.consultation_id
         where m.status = 'skipped' and m.kind not like 'reminder%'
           and not coalesce(
               m.kind in ('booked', 'rescheduled') and case m.reason
                   when 'cancelled' then c.status = 'cancelled'
                   when 'moved' then m.starts_at <> c.starts_at
                   when 'late' then c.status = 'completed'
               end, false)""",
    "jobs were given up": "select count(*) from ops.dead_jobs()",
    "invariants are violated": ("select count(*) from ops.check_invariants() where violations > 0"),
}
Kind = TypeVar("Kind")
STATES = "select id::text, status, slot_id::text from app.consultations"


@dataclass
class Plan:
    """more_seconds: how much longer the storm may last until attempts have met every failure."""

    seconds: float = 60
    more_seconds: float = 0
    instances: int = 2
    changes_a_second: float = 4
    seed: int = 0


@dataclass
class Result:
    consultations: int = 0
    changes: int = 0
    mails: int = 0
    mails_again: int = 0
    deliveries: int = 0
    deliveries_again: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    drained: float = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def run(cluster: Cluster, database: str, folder: Path, plan: Plan) -> Result:
    """Run the drill in a new database."""
    with opened(cluster, database, folder, plan) as drill:
        drill.storm()
        drill.recover()
        return drill.result


@contextlib.contextmanager
def opened(cluster: Cluster, database: str, folder: Path, plan: Plan) -> Iterator[Drill]:
    """A clinic in a new database, with its servers, and workers that are not hired yet."""
    cluster.create_database(database, TEMPLATE)
    cluster.sql("update app.clinic_settings set completion_lead = '1000 years'", database)
    cluster.sql(NOTES, database)
    pem = certificate(folder)
    mailbox = Mailbox()
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.drop_database, database)
        clinic = stack.enter_context(open_clinic(cluster, database))
        port = stack.enter_context(smtp_server(mailbox))
        receiver = stack.enter_context(receiving(pem))
        gates = [Gate(port), Gate(receiver.port)]
        for gate in gates:
            stack.callback(gate.close)
        crew = Crew(
            cluster,
            database,
            "worker",
            folder / "consultations.log",
            random.Random(plan.seed),
            SSL_CERT_FILE=str(pem),
            SMTP_URL=f"smtp+plaintext://{HOST}:{gates[0].port}",
            SMTP_TIMEOUT_SECONDS=str(TIMEOUT),
            WEBHOOK_TIMEOUT_SECONDS=str(TIMEOUT),
            MFA_KEYS=MFA_KEY,
            WEBHOOK_ALLOWED_HOSTS=HOST,
        )
        stack.callback(crew.end)
        yield Drill(clinic, crew, mailbox, receiver, gates, plan)


class Drill:
    """The clinic, those who work for it, and those who get its mails and webhooks."""

    def __init__(
        self,
        clinic: Clinic,
        crew: Crew,
        mailbox: Mailbox,
        receiver: Receiver,
        gates: list[Gate],
        plan: Plan,
    ) -> None:
        self.clinic = clinic
        self.crew = crew
        self.mailbox = mailbox
        self.receiver = receiver
        self.gates = gates
        self.plan = plan
        self.result = Result()
        self.random = crew.random
        self.scheduled: list[str] = []
        self.days = iter(range(FIRST_DAY, 10_000))
        self.weather_of_mails = _in_turn(self.random, MAIL_WEATHER)
        self.weather_of_webhooks = _in_turn(self.random, WEBHOOK_WEATHER)
        secret = webhook_secrets.new()
        row = clinic.call(
            "admin",
            "create_webhook",
            url=f"https://{HOST}:{gates[1].port}/hook",
            secret=webhook_secrets.encrypt(MFA_KEY, secret),
            event_types=[
                "consultation.booked",
                "consultation.rescheduled",
                "consultation.cancelled",
            ],
        )
        self.webhook, self.secret = str(row["id"]), secret
        # The webhook gets what happens from now on.
        self.known = {id_ for id_, _status, _slot in clinic.rows(STATES)}

    def storm(self) -> None:
        """Changes, misfortunes, and bad weather at both servers."""
        self.crew.hire(self.plan.instances)
        ends = time.monotonic() + self.plan.seconds
        last = ends + self.plan.more_seconds
        turns = ticks = 0.0
        while (now := time.monotonic()) < ends or (now < last and self.unmet()):
            self.change()
            self.crew.suffer()
            if time.monotonic() > turns:
                self.turn_weather()
                turns = time.monotonic() + self.random.uniform(0.5, 2)
            if time.monotonic() > ticks:
                self.pass_time()
                ticks = time.monotonic() + 1
            time.sleep(self.random.expovariate(self.plan.changes_a_second))

    def unmet(self) -> list[str]:
        """The failures that no attempt has met."""
        met = {kind for kind, _number in self.clinic.rows(FAILURES)}
        return [kind for kind in MET if kind not in met]

    def recover(self) -> None:
        """The servers are well again: everything arrives."""
        self.crew.wake()
        self.calm_down()
        self.result.drained = drained(
            lambda: int(self.clinic.rows(UNSETTLED)[0][0]), self.pass_time
        )
        self.result.faults += self.calm()
        self.count()
        self.result.faults += [*self.crew.faults, *self.faults()]

    def calm(self) -> Iterator[str]:
        """A few changes while nothing fails and no time passes but that of the clock."""
        before = self.arrivals()
        for _ in range(CALM_CHANGES):
            self.change()
        drained(lambda: int(self.clinic.rows(UNSETTLED)[0][0]))
        new = {id_: number for id_, number in self.arrivals().items() if id_ not in before}
        if len(new) < 2 * CALM_CHANGES:
            yield f"{len(new)} mails and webhooks arrived of {CALM_CHANGES} changes in the calm"
        if again := sum(number > 1 for number in new.values()):
            yield f"{again} mails or webhooks arrived twice although nothing failed"

    def arrivals(self) -> Counter[str]:
        """How often each mail and each webhook has arrived."""
        mails = (_id_of(mail["Message-ID"]) for mail in self.mailbox.mails)
        return Counter([*mails, *(got.id for got in self.receiver.received)])

    def change(self) -> None:
        """Book, move or cancel a consultation."""
        kind = self.random.random()
        self.result.changes += 1
        if kind < 0.5 or not self.scheduled:
            slot, key = self.new_slot(), new_key()
            row = self.clinic.call(
                "patient", "book_consultation", slot_id=slot, idempotency_key=key
            )
            self.scheduled.append(str(row["id"]))
            return
        one = self.random.choice(self.scheduled)
        if kind < 0.75:
            self.clinic.call(
                "patient",
                "reschedule_consultation",
                consultation_id=one,
                slot_id=self.new_slot(),
                idempotency_key=new_key(),
            )
        else:
            self.scheduled.remove(one)
            self.clinic.call("patient", "cancel_consultation", consultation_id=one)

    def new_slot(self) -> str:
        """An open slot on a day of its own."""
        start = at(next(self.days), 9)
        slot = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
        return str(self.clinic.call("doctor", "publish_slot", **slot)["id"])

    def calm_down(self) -> None:
        """Both servers take everything."""
        mailbox = self.mailbox
        mailbox.recipients.clear()
        mailbox.texts.clear()
        mailbox.stall, mailbox.drops, mailbox.hangs_up = 0, False, False
        self.receiver.answer = _take
        for gate in self.gates:
            gate.open()

    def turn_weather(self) -> None:
        """How the two servers behave for the next second or two."""
        self.calm_down()
        mailbox = self.mailbox
        match next(self.weather_of_mails):
            case "tries later":
                mailbox.recipients["@"] = "451 4.3.0 try later"
            case "is full":
                mailbox.texts["Subject"] = "452 4.3.1 disk full"
            case "stalls":
                mailbox.stall = STALL
            case "drops":
                mailbox.drops = True
            case "hangs up":
                mailbox.hangs_up = True
            case "is closed":
                self.gates[0].close()
        answer = next(self.weather_of_webhooks)
        if answer is None:
            self.gates[1].close()
        else:
            self.receiver.answer = answer

    def pass_time(self) -> None:
        """Bring what waits nearer to its time, and do what the schedule does every minute."""
        with psycopg.connect(
            self.clinic.cluster.url(self.clinic.database), autocommit=True
        ) as connection:
            # The triggers let no row change so.
            connection.execute("set session_replication_role = replica")
            for statement in TIME_PASSES:
                if statement.startswith("select"):
                    connection.execute("reset session_replication_role")
                with contextlib.suppress(psycopg.errors.DeadlockDetected):
                    connection.execute(statement.encode())

    def count(self) -> None:
        """Figures of the report."""
        mails = Counter(_id_of(mail["Message-ID"]) for mail in self.mailbox.mails)
        hooks = Counter(got.id for got in self.receiver.received)
        result, rows = self.result, self.clinic.rows
        result.counts = self.crew.befallen
        result.consultations = len(rows(STATES)) - len(self.known)
        result.mails, result.mails_again = len(mails), mails.total() - len(mails)
        result.deliveries, result.deliveries_again = len(hooks), hooks.total() - len(hooks)
        result.failures = Counter(dict(rows(FAILURES)))

    def faults(self) -> Iterator[str]:
        """What must not be."""
        for what, query in FAULTS.items():
            if number := int(self.clinic.rows(query)[0][0]):
                yield f"{number} {what}"
        arrived = Counter(_id_of(mail["Message-ID"]) for mail in self.mailbox.mails)
        yield from _compare("mails", self.clinic.rows(MESSAGES), arrived, "sent")
        # Not those that the receiver has refused.
        arrived = Counter(got.id for got in self.receiver.received if got.status in (None, 204))
        yield from _compare("deliveries", self.clinic.rows(DELIVERIES), arrived, "delivered")
        yield from self.faults_of_webhooks()

    def faults_of_webhooks(self) -> Iterator[str]:
        """What a receiver would find wrong that knows nothing but what it got."""
        numbers: dict[str, list[int]] = defaultdict(list)
        states: dict[str, tuple[str, str]] = {}
        seen: set[str] = set()
        for got in list(self.receiver.received):
            try:
                event: dict[str, Any] = Webhook(self.secret).verify(got.body, got.headers)
            except WebhookVerificationError:
                yield "a delivery has a wrong signature"
                continue
            if got.id in seen:
                continue
            seen.add(got.id)
            data = event["data"]
            numbers[data["consultation_id"]].append(data["sequence_number"])
            is_cancelled = event["type"] == "consultation.cancelled"
            states[data["consultation_id"]] = (
                "cancelled" if is_cancelled else "scheduled",
                data["slot_id"],
            )
        if any(found != list(range(1, len(found) + 1)) for found in numbers.values()):
            yield "events of a consultation arrived out of order"
        truth = {
            id_: (status, slot)
            for id_, status, slot in self.clinic.rows(STATES)
            if id_ not in self.known
        }
        if states != truth:
            yield "the webhooks lead to another state than that of the database"


def _compare(
    what: str, rows: list[tuple[Any, ...]], arrived: Counter[str], settled: str
) -> Iterator[str]:
    """Faults of what was accepted. rows: id, status and the most copies of what was to be sent."""
    most = {id_: copies for id_, _status, copies in rows}
    if lost := sum(status == settled and not arrived[id_] for id_, status, _copies in rows):
        yield f"{lost} {what} are settled and did not arrive"
    if unknown := len(arrived.keys() - most.keys()):
        yield f"{unknown} {what} arrived that nobody was to get"
    if again := sum(number > most.get(id_, number) for id_, number in arrived.items()):
        yield f"{again} {what} arrived again after attempts whose outcome was known"


def _id_of(message_id: str) -> str:
    return message_id.strip("<>").partition("@")[0]


def _in_turn(chance: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    """All kinds in any order, again and again."""
    while True:
        yield from chance.sample(kinds, len(kinds))


# How the receiver of webhooks answers.

Answer = tuple[int, bytes, dict[str, str]]


def _take(_got: Received) -> Answer:
    return 204, b"", {}


def _fail(_got: Received) -> Answer:
    return 500, b"out of order", {}


def _refuse(_got: Received) -> Answer:
    return 503, b"", {"Retry-After": "1"}


def _stall(_got: Received) -> Answer:
    time.sleep(STALL)
    return 204, b"", {}


def _lose_the_answer(_got: Received) -> Answer:
    raise ConnectionAbortedError


MAIL_WEATHER = ("fine", "tries later", "is full", "stalls", "drops", "hangs up", "is closed")
# None: no connection.
WEBHOOK_WEATHER = (_take, _fail, _refuse, _stall, _lose_the_answer, None)
