"""Two clinics on one server, one fleet, one PgBouncer: one of them moves to a second server."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from api import totp
from api.context import key_id
from drills.checker import Checker
from drills.clients import Board, Client, Line, at_work, resolve
from drills.history import Attempt, History
from drills.stage import Clinic
from scripts.cluster import TEMPLATE, THROWAWAY_CONTEXT_KEY
from scripts.move_clinic import Move
from scripts.server import Cluster
from tests.support.pooler import Pooler
from tests.support.server import serve
from tests.support.worker import Instance, worker

SETTINGS = {
    "wal_level": "logical",
    # The rows of many small tables are copied: two at once by default.
    "max_logical_replication_workers": "12",
    "max_sync_workers_per_subscription": "8",
    "wal_retrieve_retry_interval": "100ms",
    "max_worker_processes": "20",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
}
MOVES, STAYS = "berlin", "lima"
CLIENTS = 4  # of each clinic
PAUSE_SECONDS = 0.02
REPLAYS = 20  # keys from before the move that are sent again after it
# Everybody who may connect to the database of a clinic, and one who may do everything.
STRAYS = ("telemed_api", "telemed_worker", "postgres")
PHASES = ("before", "while the rows are copied", "in the pause", "after")
UNDONE = "select count(*) from procrastinate.procrastinate_jobs where status in ('todo', 'doing')"
SENT = "select id::text from app.messages where status = 'sent'"
WRITTEN_LATER = "select count(*) from app.audit_logs where occurred_at > %(at)s"


@dataclass
class Side:
    """A clinic of the fleet, its clients and their history."""

    name: str
    clinic: Clinic
    clients: list[Client]
    history: History


@dataclass
class Result:
    """The outcome of a drill. Times in seconds."""

    copied: float  # from the dump of the schema until the pause
    paused: float  # from PAUSE to RESUME
    pauses: dict[str, float]  # of each clinic: the longest without an acknowledged write, there
    slowest: float  # of the requests of the clinic that moved
    p99: dict[tuple[str, str], tuple[float, int]]  # of clinic and phase; and how many requests
    operations: dict[str, int]
    answers: dict[str, Counter[str]]
    sequences: int
    replays: int
    mails: int
    violations: dict[str, list[str]]
    faults: list[str]


@dataclass
class Scene:
    """Two clinics of `old`, of which one moves to `new`."""

    old: Cluster
    new: Cluster
    pooler: Pooler
    moves: Side
    stays: Side
    longest_pause: float

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.moves, self.stays

    def move(self, kind: type[Move] = Move) -> Move:
        return kind(
            MOVES,
            self.old.url(MOVES),
            self.new.url(MOVES),
            poolers=[self.pooler.console],
            maps=[self.pooler.map],
            longest_pause=self.longest_pause,
            environment=self.new.environment(),
        )

    @property
    def stray_urls(self) -> list[str]:
        """Ways to the old database that no PgBouncer knows of."""
        return [self.old.url(MOVES, login) for login in STRAYS]

    def at_work(self) -> contextlib.AbstractContextManager[None]:
        return at_work([*self.moves.clients, *self.stays.clients])

    def wait_for_writes(self, since: float) -> None:
        for side in self.sides:
            side.history.first_write(0, since)

    def violations(self) -> dict[str, list[str]]:
        """Broken rules of both clinics, when every outcome is known."""
        for side in self.sides:
            resolve(side.clinic, side.history)
        return {
            f"{side.name}: {rule}": found
            for side in self.sides
            for rule, found in Checker(side.clinic, side.history).violations().items()
        }


def run(
    old: Cluster,
    new: Cluster,
    folder: Path,
    *,
    seconds: float,
    seed: str,
    slots: int,
    kind: type[Move] = Move,
    mails: bool = False,
    pause: float = PAUSE_SECONDS,
    longest_pause: float = 3,
    answer_timeout: int = 5,
) -> Result:
    """Move a clinic from `old`, which has TEMPLATE, to `new` under load.

    seconds: how long the clients are at work before and after. slots: of each doctor. kind: a
    broken move, perhaps. mails: a worker sends them for the clinic that moves. pause: of a client
    between two requests. longest_pause: of the move. answer_timeout: of the API, in seconds.
    """
    with (
        scene_of(
            *(old, new, folder),
            seed=seed,
            slots=slots,
            pause=pause,
            longest_pause=longest_pause,
            answer_timeout=answer_timeout,
        ) as scene,
        contextlib.ExitStack() as stack,
    ):
        moves, move = scene.moves, scene.move(kind)
        strays = [psycopg.connect(url, autocommit=True) for url in scene.stray_urls]
        for stray in strays:
            stack.enter_context(contextlib.closing(stray)).execute("select")
        instance = stack.enter_context(worker_of(scene, folder)) if mails else None
        with scene.at_work():
            times = [time.monotonic()]
            time.sleep(seconds)
            scene.wait_for_writes(since=times[0])
            seals = moves.clinic.seal()
            times.append(time.monotonic())
            move.run()
            times += [move.paused_at, move.resumed_at]
            moves.clinic.superuser_url = new.url(MOVES)
            switched = moves.clinic.sql("select clock_timestamp()")[0][0]
            scene.wait_for_writes(since=move.resumed_at)
            time.sleep(seconds)
            faults = stray_clients(scene, strays)
        times.append(time.monotonic())
        replays, not_replayed = replay(moves, since=move.paused_at)
        violations = scene.violations()
        sent, not_sent = mails_of(moves.clinic, instance) if instance else (0, [])
        seals += moves.clinic.seal()
        faults += not_sent + not_replayed + failed(moves) + failed(scene.stays)
        faults += moves.clinic.audit_problems(seals)
        faults += written_later(old, switched) + left_over(old, new)
        return Result(
            copied=move.paused_at - times[1],
            paused=move.resumed_at - move.paused_at,
            pauses={
                side.name: side.history.longest_pause(move.paused_at, move.resumed_at)
                for side in scene.sides
            },
            slowest=max(a.returned - a.invoked for _, a in moves.history.attempts()),
            p99=dict(latencies(scene.sides, times)),
            operations={side.name: len(side.history.operations) for side in scene.sides},
            answers={side.name: answers(side) for side in scene.sides},
            sequences=move.sequences,
            replays=replays,
            mails=sent,
            violations=violations,
            faults=faults,
        )


@contextlib.contextmanager
def scene_of(
    old: Cluster,
    new: Cluster,
    folder: Path,
    *,
    seed: str,
    slots: int,
    pause: float,
    longest_pause: float,
    answer_timeout: int,
) -> Iterator[Scene]:
    """Fresh databases, PgBouncer, the fleet and clients, which are not at work yet."""
    for name in (MOVES, STAYS):
        old.drop_database(name)
        old.create_database(name, TEMPLATE)
    new.drop_database(MOVES)
    places = {name: f"host={old.socket} port=5432 dbname={name}" for name in (MOVES, STAYS)}
    with (
        Pooler(old, databases=places, size=12) as pooler,
        fleet(old, pooler, folder, slots, answer_timeout) as sides,
    ):
        for side in sides:
            board = Board(side.clinic, choices=6)
            chances = [f"{seed}/{side.name} {n}" for n in range(CLIENTS)]
            side.clients += [
                Client(side.clinic, board, side.history, chance, pause) for chance in chances
            ]
        yield Scene(old, new, pooler, *sides, longest_pause)


@contextlib.contextmanager
def fleet(
    cluster: Cluster, pooler: Pooler, folder: Path, slots: int, answer_timeout: int
) -> Iterator[tuple[Side, Side]]:
    """One server for both clinics, which have people and slots."""
    lines = []
    for name in (MOVES, STAYS):
        context_key = f"the context key of the clinic {name} in a drill"
        cluster.sql(f"select ops.add_context_key('{context_key}')", name)
        cluster.sql(f"select ops.drop_context_key('{key_id(THROWAWAY_CONTEXT_KEY)}')", name)
        (folder / f"{name}.env").write_text(
            f"DATABASE_URL={pooler.url(name)}\nSECRET_KEY={_secret(name)}\n"
            f"CONTEXT_KEY={context_key}\nMFA_KEYS={totp.new_key()}\n"
        )
        lines.append(f'[{name}]\nhosts = ["{name}.test"]\nsettings = "{name}.env"\n')
    (folder / "clinics.toml").write_text("\n".join(lines))
    own = dict.fromkeys(("DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS"), "")
    settings = own | {"CLINICS": str(folder / "clinics.toml"), "WEB_CONCURRENCY": "2"}
    settings["DATABASE_ANSWER_TIMEOUT_SECONDS"] = str(answer_timeout)
    with serve("", folder / "gunicorn.log", **settings) as server:
        sides = []
        for name in (MOVES, STAYS):
            url = cluster.url(name)
            own_ways = {"host": f"{name}.test", "secret": _secret(name)}
            clinic = Clinic(folder, url, "", instances=0, slots=slots, **own_ways)
            clinic.servers = [server]
            clinic.ready()
            sides.append(Side(name, clinic, [], History()))
        yield sides[0], sides[1]


@contextlib.contextmanager
def worker_of(scene: Scene, folder: Path) -> Iterator[Instance]:
    """The worker of the clinic that moves; it reaches its database as the API does."""
    variables = {
        "CLINICS": str(folder / "clinics.toml"),
        "CLINIC": MOVES,
        "WORKER_DATABASE_URL": scene.pooler.url(MOVES, "telemed_worker"),
        "MAIL_FOLDER": str(folder / "mails"),
    }
    with worker(scene.old, MOVES, folder, module="worker", **variables) as instance:
        yield instance


def mails_of(clinic: Clinic, instance: Instance) -> tuple[int, list[str]]:
    """The mails that were sent, and what is wrong with them: none is lost, none sent twice."""
    least, since = clinic.sql(UNDONE), time.monotonic()
    while (left := clinic.sql(UNDONE)) != [(0,)] and time.monotonic() - since < 60:
        if left < least:
            least, since = left, time.monotonic()
        time.sleep(0.2)
    sent = Counter(line["message_id"] for line in instance.lines("message") if line["sent"])
    stored = {id_ for (id_,) in clinic.sql(SENT)}
    found = {
        "jobs are undone": clinic.sql(UNDONE)[0][0],
        "mails were sent twice": sum(n > 1 for n in sent.values()),
        "mails were sent or stored only": len(stored ^ sent.keys()),
        "jobs failed": sum(line["outcome"] != "succeeded" for line in instance.lines("job")),
        "workers ended": int(instance.process.poll() is not None),
    }
    return len(sent), [f"{what}: {count}" for what, count in found.items() if count]


def _secret(name: str) -> str:
    return f"the secret key of the clinic {name} in a drill, long enough"


def stray_clients(scene: Scene, strays: list[psycopg.Connection]) -> list[str]:
    """Says so if somebody still reaches the old database: with a session, or with a new one."""
    found = []
    for url, session in zip(scene.stray_urls, strays, strict=True):
        with contextlib.suppress(psycopg.OperationalError):
            session.execute("select")
            found.append(f"a session goes on after the move: {url}")
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as new:
            new.execute("select")
            found.append(f"the old database is reached after the move: {url}")
    return found


def written_later(old: Cluster, switched: object) -> list[str]:
    """Says so if the old database, which is opened for it, has a change from after the switch."""
    old.sql(f"alter database {MOVES} allow_connections true")
    with psycopg.connect(old.url(MOVES)) as connection:
        row = connection.execute(WRITTEN_LATER, {"at": switched}).fetchone()
    return [] if row == (0,) else [f"changes in the old database after the move: {row}"]


def left_over(old: Cluster, new: Cluster) -> list[str]:
    """What a move must not leave behind."""
    slots = old.sql("select count(*) from pg_replication_slots")
    published = old.sql("select count(*) from pg_publication", MOVES)
    subscribed = new.sql("select count(*) from pg_subscription")
    found = {"slots": slots, "publications": published, "subscriptions": subscribed}
    return [f"{kind} are left over: {count}" for kind, count in found.items() if count != "0"]


def replay(side: Side, since: float) -> tuple[int, list[str]]:
    """Send requests of before the move again, under their keys; those that got a new answer."""
    known = [
        operation
        for operation in side.history.operations
        if operation.key
        and operation.kind != "reuse"
        and operation.outcome
        and operation.outcome.ok
        and operation.outcome.returned < since
    ]
    chosen = known[:: max(1, len(known) // REPLAYS)]
    line = Line(side.clinic)
    found = []
    for operation in chosen:
        attempt = line.send(operation)
        if not attempt.replayed:
            found.append(f"the key of operation {operation.number} was answered {attempt.status}")
    line.close()
    return len(chosen), found


def failed(side: Side) -> list[str]:
    """Says so if a request got no answer, or 5xx: to wait is all that a client may notice."""
    found = Counter(
        _answer(a) for _, a in side.history.attempts() if a.status == 0 or a.status >= 500
    )
    return [f"{side.name}: requests answered {answer}: {n}" for answer, n in found.items()]


def answers(side: Side) -> Counter[str]:
    return Counter(_answer(a) for _, a in side.history.attempts())


def _answer(attempt: Attempt) -> str:
    return f"{attempt.status} {attempt.code}".strip() if attempt.status else "no answer"


def latencies(
    sides: tuple[Side, Side], times: list[float]
) -> Iterator[tuple[tuple[str, str], tuple[float, int]]]:
    """p99 of the requests of each clinic that touch each phase."""
    for side in sides:
        for phase, begun, over in zip(PHASES, times, times[1:], strict=False):
            took = sorted(
                a.returned - a.invoked
                for _, a in side.history.attempts()
                if a.returned >= begun and a.invoked < over
            )
            p99 = took[min(len(took) - 1, int(len(took) * 0.99))] if took else 0.0
            yield (side.name, phase), (p99, len(took))
