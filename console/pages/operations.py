"""The state of the system on one page, and the jobs that were given up."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from console import page, rest, texts, visit
from console.forms import Form
from console.lists import Filters
from console.texts import mark
from console.visit import Refused

# A light turns bad, or warns, from this value on. What is not here is shown as a number.
LIMITS = {
    "audit_seal_lag_seconds": (300, 3600),
    "events_lag_seconds": (60, 300),
    "invariant_violations": (1, 1),
    "backup_age_seconds": (26 * 3600, 50 * 3600),
    "database_transaction_age": (1_000_000_000, 1_500_000_000),
}
WORST_LAG_SECONDS = 300
SILENCE = timedelta(minutes=2)
GOOD, WARN, BAD = "good", "warn", "bad"
NAMES = {
    "audit_seal_lag_seconds": mark("Oldest row of the audit log without a seal"),
    "backup_age_seconds": mark("Age of the newest backup"),
    "database_connections": mark("Sessions of the database"),
    "database_connections_limit": mark("Most sessions of the database"),
    "database_size_bytes": mark("Size of the database"),
    "database_transaction_age": mark("Transactions since the last freeze"),
    "events_lag_seconds": mark("Events held back by an open transaction"),
    "invariant_violations": mark("Violations of an invariant"),
    "replication_slot_active": mark("Receiver of a replication slot is connected"),
    "replication_slot_lag_bytes": mark("WAL that a replication slot keeps"),
}


class Light(NamedTuple):
    """A figure with its state: good, warn, bad, or none for a figure without a limit."""

    name: str
    subject: str
    value: str
    state: str


def add_to(blp: Blueprint) -> None:
    """Add the pages of the system."""
    blp.add_url_rule("/admin/system", "system", show_system)
    blp.add_url_rule("/admin/jobs", "jobs", list_jobs)
    blp.add_url_rule("/admin/jobs/retry", "retry_jobs", retry_jobs, methods=["GET", "POST"])


def show_system() -> Response:
    """Whether requests are served, the worker, its queue, the database, and what to change."""
    visiting = visit.current()
    ready = rest.send("GET", "/health/ready")
    system = visiting.get("/v1/admin/system")
    advice = visiting.call("GET", "/v1/admin/advice")
    if advice.status == HTTPStatus.FORBIDDEN:
        raise Refused(advice)
    return page.render(
        "system.html",
        is_ready=ready.status == HTTPStatus.OK,
        system=system,
        worker=_worker(system["worker_heartbeat_at"]),
        queue=[(row, _of_queue(row)) for row in system["queue"]],
        lights=_lights(system["figures"]),
        # None: it could not be read, and the rest of the page is still right.
        advice=advice.body["items"] if advice.status == HTTPStatus.OK else None,
    )


def _worker(heartbeat_at: str | None) -> str:
    if heartbeat_at is None:
        return BAD
    return GOOD if datetime.now(UTC) - texts.instant(heartbeat_at) < SILENCE else BAD


def _of_queue(row: dict[str, Any]) -> str:
    if row["dead"]:
        return BAD
    return WARN if (row["lag_seconds"] or 0) > WORST_LAG_SECONDS else GOOD


def _lights(figures: list[dict[str, Any]]) -> list[Light]:
    by_name = {row["figure"]: row["value"] for row in figures}
    lights = []
    for row in figures:
        name, value = row["figure"], row["value"]
        state = ""
        if name == "replication_slot_active":
            state = GOOD if value else BAD
        elif name == "database_connections":
            state = WARN if value > 0.8 * by_name["database_connections_limit"] else GOOD
        elif name in LIMITS:
            warns, is_bad = LIMITS[name]
            state = BAD if value >= is_bad else WARN if value >= warns else GOOD
        known = page.gettext(NAMES[name]) if name in NAMES else name
        lights.append(Light(known, row["subject"], _shown(name, value), state))
    return lights


def _shown(name: str, value: float) -> str:
    locale = page.locale()
    if name == "replication_slot_active":
        return page.gettext("Yes") if value else page.gettext("No")
    if name.endswith("_seconds"):
        return texts.duration(value, locale)
    if name.endswith("_bytes"):
        return texts.size(value, locale)
    return texts.number(value, locale)


def list_jobs() -> Response:
    """The jobs that were given up, the latest first."""
    filters = Filters("task")
    found = filters.page_of("/v1/admin/jobs")
    return page.render("jobs.html", filters.form, found=found, filters=filters)


def retry_jobs() -> AnyResponse:
    """Try one job again, those of a task, or all. A page asks before it tries several."""
    form = Form(task=Filters("task").chosen.get("task", ""))
    visiting = visit.current()
    visiting.require_role("admin")
    if form.is_sent:
        number = form.text("job_id")
        body = {
            "job_id": int(number) if number.isdecimal() and len(number) < 20 else number or None,
            "task": form.optional("task"),
        }
        answer = visiting.call("POST", "/v1/admin/jobs/retry", body=body)
        if form.take(answer):
            return form.lead_to("jobs", done="retried" if answer.body["jobs"] else "not-retried")
    return page.render("retry_jobs.html", form)
