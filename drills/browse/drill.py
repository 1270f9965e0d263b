"""Persons without a plan: each follows links, sends forms, reloads and goes back, at random."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from drills.browse import properties
from drills.browse.browsers import Browser, Values
from drills.browse.people import PASSWORD, People, Person, entry
from drills.browse.shown import Form, Shown
from scripts.server import Cluster
from tests.support.server import Server, serve, wait_for

VIOLATIONS = "select name, examples from ops.check_invariants() where violations > 0"
KEPT = 50  # addresses and forms of the past that a person may come back to
# How often each kind of step is taken.
STEPS = {"link": 50, "menu": 10, "form": 30, "reload": 3, "old form": 5, "address of others": 5}
ENDS = ("/log-out", "/close", "/close-account")


@dataclass
class Journal:
    """What was done and seen; violations: (property, route, role) with an example of each."""

    steps: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    violations: dict[tuple[str, str, str], str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)

    def add(self, shown: Shown, person: Person, complaints: Iterator[str], how: str) -> None:
        self.pages[shown.route] += 1
        self.statuses[shown.status] += 1
        found = [("browser_has_no_complaint", complaint) for complaint in complaints]
        for name, what in [*found, *properties.violations(shown, person)]:
            example = f"{how} {shown.url[:200]}: {' '.join(what.split())[:300]}"
            self.violations.setdefault((name, shown.route, person.role), example)
        if shown.status == 200 and shown.html:
            self.addresses.append(shown.url)
            del self.addresses[:-KEPT]


class Walker:
    """A person at a browser. The same seed takes the same way through the same pages."""

    def __init__(
        self, people: People, role: str, browser: Browser, url: str, seed: str, journal: Journal
    ) -> None:
        self._people = people
        self._role = role
        self._browser = browser
        self._url = url
        self._random = random.Random(seed)
        self._journal = journal
        self._sent: list[tuple[Form, Values]] = []
        self._refused_log_ins = 0
        self.person = people.new(role)
        self._shown = self._see("open", lambda: browser.open(url + "/"))

    def step(self) -> None:
        """Do one thing that somebody might do now."""
        if not self._shown.html:
            self._shown = self._see("open", lambda: self._browser.open(self._url + "/"))
        elif forms := [f for f in self._shown.forms if _is_log_in(f)]:
            self._log_in(forms[0])
        else:
            kind = self._random.choices(list(STEPS), list(STEPS.values()))[0]
            act = self._act(kind)
            if act is None:
                kind, act = "menu", lambda: self._browser.open(self._url + "/")
            self._shown = self._see(kind, act)

    def open(self, path: str) -> None:
        """Open a page of which somebody knows the address."""
        self._shown = self._see("open", lambda: self._browser.open(self._url + path))

    def _see(self, kind: str, act: Callable[[], Shown]) -> Shown:
        self._journal.steps[kind] += 1
        shown = act()
        is_new = shown.route not in self._journal.pages
        complaints = self._browser.complaints(shown, is_new)
        self._journal.add(shown, self.person, complaints, f"{kind}:")
        return shown

    def _act(self, kind: str) -> Callable[[], Shown] | None:
        if kind in ("link", "menu"):
            links = self._shown.links("main a[href]" if kind == "link" else "header a[href]")
            return self._opening(links)
        if kind == "form":
            forms = [f for f in self._shown.forms if self._wants(f)]
            if not forms:
                return None
            form = self._random.choice(forms)
            return self._sending(form, self._filled(form))
        if kind == "old form" and self._sent:
            return self._sending(*self._random.choice(self._sent))
        if kind == "reload":
            return self._opening([self._shown.url])
        return self._opening(self._journal.addresses)

    def _wants(self, form: Form) -> bool:
        # An end of the session or of the account is rare, or there is nothing else to see.
        return not form.action.endswith(ENDS) or self._random.random() < 0.05

    def _opening(self, addresses: list[str]) -> Callable[[], Shown] | None:
        if not addresses:
            return None
        address = self._random.choice(addresses)
        return lambda: self._browser.open(address)

    def _sending(self, form: Form, values: Values) -> Callable[[], Shown]:
        if form.method == "post":
            self._sent.append((form, values))
            del self._sent[:-KEPT]
        return lambda: self._browser.send(form, values)

    def _filled(self, form: Form) -> Values:
        values = []
        for element in form.fields:
            attributes = element.attrs
            kind = attributes.get("type", "text") if element.name == "input" else element.name
            default, options = attributes.get("value") or "", []
            if kind in ("radio", "checkbox"):
                if self._random.random() < 0.5:
                    continue
                options = [default]
            elif kind == "select":
                options = [o.attrs.get("value", o.to_text()) for o in element.query("option")]
            elif kind == "textarea":
                default = element.to_text()
            name = attributes["name"]
            values.append((name, entry(name, kind, default, options, self._random)))
        return values

    def _log_in(self, form: Form) -> None:
        if self._refused_log_ins >= 2:  # the account was closed, or its sessions were
            self.person = self._people.new(self._role)
            self._refused_log_ins = 0
        known = {"email": self.person.email, "password": PASSWORD}
        values = [
            (name, known.get(name) or field.attrs.get("value") or "")
            for field in form.fields
            for name in [field.attrs["name"]]
        ]
        self._shown = self._see("log-in", lambda: self._browser.send(form, values))
        self._refused_log_ins = self._refused_log_ins + 1 if self._shown.path == "/log-in" else 0


def _is_log_in(form: Form) -> bool:
    return form.method == "post" and urlsplit(form.action).path == "/log-in"


@contextlib.contextmanager
def clinic(
    cluster: Cluster, database: str, folder: Path, app: str = ""
) -> Iterator[tuple[People, Server]]:
    """People, and the server with the pages. app: another WSGI application than the API's own."""
    # Somebody who enters a wrong code again and again is locked out, and would see little.
    cluster.sql("update app.log_in_limits set free_attempts = 1000000", database)
    # Nobody waits for the day of a consultation.
    leads = "completion_lead = '1 year', video_lead = '1 year'"
    cluster.sql(f"update app.clinic_settings set {leads}", database)
    with serve(cluster.url(database, "telemed_api"), folder / "api.log", app=app) as server:
        wait_for(server.url + "/health/ready", 200)
        yield People(cluster, database, 1), server


def browse(walkers: list[Walker], seconds: float, steps: int = 0) -> None:
    """Let each walker take a step in turn, for so long or so many times."""
    until, taken = time.monotonic() + seconds, 0
    while time.monotonic() < until and (not steps or taken < steps):
        for walker in walkers:
            walker.step()
        taken += 1


def after(cluster: Cluster, database: str, server: Server) -> Iterator[str]:
    """What is wrong afterwards: invariants that do not hold, and bugs in the log."""
    with psycopg.connect(cluster.url(database)) as connection:
        for name, examples in connection.execute(VIOLATIONS).fetchall():
            yield f"the invariant {name} is violated: {examples}"
    bugs = [line for line in server.output.splitlines() if '"event": "bug"' in line]
    yield from (f"the log has a bug: {line}" for line in bugs)
