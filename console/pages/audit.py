"""The audit log with old and new values, the access log, invariants and seals."""

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, Response

from console import page, visit
from console.lists import Filters
from console.rest import Answer
from console.visit import Refused

# How far back the invariants are checked: all rows may take longer than a request may.
AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31)}
NEWEST = "hour"
NEWEST_SEALS = 10
NO_ANSWER_YET = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class Difference(NamedTuple):
    """A field of a row before and after a change, as text; None where it did not exist."""

    field: str
    old: str | None
    new: str | None


def add_to(blp: Blueprint) -> None:
    """Add the pages of the logs and of what is checked."""
    blp.add_url_rule("/admin/changes", "changes", list_changes)
    blp.add_url_rule("/admin/accesses", "accesses", list_accesses)
    blp.add_url_rule("/admin/checks", "checks", show_checks)
    blp.add_url_rule("/admin/seals", "seals", list_seals)


def list_changes() -> Response:
    """Changes of rows, each with its differences side by side."""
    filters = Filters("table_name", "row_id", "user_id", "operation", "request_id", "from", "to")
    found = filters.page_of("/v1/admin/audit-logs", **filters.days)
    changes = [(row, *differences(row["old"], row["new"])) for row in found["items"]]
    return page.render("changes.html", filters.form, found=found, changes=changes, filters=filters)


def differences(
    old: dict[str, Any] | None, new: dict[str, Any] | None
) -> tuple[list[Difference], list[Difference]]:
    """The fields that differ between two versions of a row, and those that do not."""
    before, after = old or {}, new or {}
    fields = [
        Difference(
            field,
            _shown(before[field]) if field in before else None,
            _shown(after[field]) if field in after else None,
        )
        for field in dict.fromkeys((*before, *after))
    ]
    return [f for f in fields if f.old != f.new], [f for f in fields if f.old == f.new]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def list_accesses() -> Response:
    """Reads of data of patients by others, refusals, and DBAs who acted as a user."""
    filters = Filters("kind", "user_id", "resource_id", "from", "to")
    found = filters.page_of("/v1/admin/access-logs", **filters.days)
    return page.render("accesses.html", filters.form, found=found, filters=filters)


def show_checks() -> Response:
    """The invariants of new rows, and the end of the chain of seals, as lights."""
    visiting, filters = visit.current(), Filters("age", age=NEWEST)
    age = AGES.get(filters.chosen["age"], AGES[NEWEST])
    since = (datetime.now(UTC) - age).isoformat()
    checked = visiting.call("GET", "/v1/admin/invariants", query={"since": since})
    audit = visiting.call("GET", "/v1/admin/audit-check")
    return page.render(
        "checks.html",
        filters.form,
        invariants=_items(checked),
        audit=_unless_late(audit),
        seals=visiting.get("/v1/admin/audit-seals", limit=NEWEST_SEALS)["items"],
    )


def _items(answer: Answer) -> list[dict[str, Any]] | None:
    found = _unless_late(answer)
    # Those that are violated first.
    return found and sorted(found["items"], key=lambda row: not row["violations"])


def _unless_late(answer: Answer) -> Any:
    """The body of an answer; None if the check did not end in time. Raises Refused."""
    if answer.status in NO_ANSWER_YET:
        return None
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise Refused(answer)
    return answer.body


def list_seals() -> Response:
    """All seals of the audit log."""
    filters = Filters()
    found = filters.page_of("/v1/admin/audit-seals")
    return page.render("seals.html", filters.form, found=found, filters=filters)
