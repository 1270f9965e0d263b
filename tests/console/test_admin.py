"""An admin at the console, with JavaScript off."""

from __future__ import annotations

import re

import pytest

from api.resources.events import TYPES
from console import charts
from console.pages.audit import Difference, differences
from console.pages.webhooks import EVENT_TYPES
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.pages import Page, Surfer
from tests.support.people import People

HOSTILE = "<script>alert('1')</script> & \"Ö\""
UNKNOWN = "00000000-0000-7000-8000-000000000000"
PAGES = (
    *("figures", "accounts", "doctors/new", f"accounts/{UNKNOWN}", f"accounts/{UNKNOWN}/close"),
    *(f"accounts/{UNKNOWN}/open", "changes", "accesses", "checks", "seals"),
    *("webhooks", "webhooks/new", f"webhooks/{UNKNOWN}", f"webhooks/{UNKNOWN}/change"),
    *(f"webhooks/{UNKNOWN}/{end}" for end in ("secret", "ping", "redeliver", "delete")),
    *("system", "jobs", "jobs/retry"),
)


@pytest.fixture
def person(admin: Client) -> Surfer:
    """A browser in which an admin is logged in."""
    return surfer(admin)


def surfer(client: Client) -> Surfer:
    browser = Surfer(client.url)
    assert browser.log_in(client.email, PASSWORD).status == 200
    return browser


def rows(page: Page, caption: str) -> list[str]:
    """The rows of the table with this caption, as text."""
    (table,) = (t for t in page.query("table") if t.query("caption")[0].to_text() == caption)
    return [" ".join(tr.to_text().split()) for tr in table.query("tbody tr")]


def dead_job(cluster: Cluster, database: str, task: str, arguments: str = "{}") -> str:
    return cluster.sql(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, args)"
        f" values ('none', '{task}', 'failed', '{arguments}') returning id",
        database,
    )


@pytest.mark.parametrize("address", PAGES)
def test_page_is_refused_to_other_roles_and_leads_strangers_to_the_log_in(
    address: str, patient: Client, doctor: Client
) -> None:
    assert Surfer(patient.url).open(f"/admin/{address}").heading == "Log in"
    for client in (patient, doctor):
        refused = surfer(client).open(f"/admin/{address}")
        assert refused.status == 403
        assert refused.text("[role=alert]") == "Your account cannot do this."
        assert not refused.links("Figures")


@pytest.mark.parametrize("address", ["changes?to=", "accesses?from=", "figures?from="])
def test_filter_that_is_no_day_is_refused_and_not_ignored(person: Surfer, address: str) -> None:
    page = person.open(f"/admin/{address}2027-02-30")
    assert page.status == 422
    assert page.text(".summary li") == "Enter a day."
    assert not page.query("article, main table")


def test_thing_that_does_not_exist_is_not_found(person: Surfer) -> None:
    for address in (page for page in PAGES if UNKNOWN in page):
        page = person.open(f"/admin/{address}")
        assert page.status == 404
        assert "There is no such" in page.text("[role=alert]")


def test_menu_leads_to_every_part(person: Surfer) -> None:
    for text in ("Figures", "Consultations", "Accounts", "Audit log", "Webhooks", "System"):
        page = person.follow(text)
        assert page.status == 200
        assert page.query("nav [aria-current=page]")[0].to_text() == text


def test_first_page_of_an_admin_has_the_figures(person: Surfer) -> None:
    assert person.open("/").url == f"{person.url}/admin/figures"


# Figures


def test_figures_are_charts_with_the_numbers_beside_them(
    person: Surfer, new_doctor: People, patient: Client, admin: Client
) -> None:
    doctor = new_doctor(full_name=f"Dr. {HOSTILE}")
    booked = doctor.complete(patient.book(doctor.publish(at(400))))
    admin.pay(booked, 4000)
    day = at(400).date().isoformat()
    page = person.open(f"/admin/figures?from={day}&to={day}")
    headings = [f.to_text() for f in page.query("figcaption")]
    assert headings == ["Consultations", "Utilisation", "Utilisation by doctor"]
    assert len(page.query("figure svg rect")) >= len(headings)
    assert "100%" in page.text(".chart[aria-label=Utilisation]")
    (total,) = (row for row in rows(page, "By time") if row.startswith("All"))
    assert total == "All 1 1 0 100% 0"
    assert rows(page, "By doctor") == [f"Dr. {HOSTILE} 1 1 0 100% 0"]
    today = person.open("/admin/figures")
    assert "Net revenue in EUR" in [f.to_text() for f in today.query("figcaption")]
    assert "€40.00" in today.text()


def test_figures_of_a_time_without_consultations_say_so(person: Surfer) -> None:
    page = person.open("/admin/figures?from=2001-01-01&to=2001-01-07&bucket=week")
    assert "Nothing happened in this time." in page.text()
    assert rows(page, "By time") == ["All 0 0 0 Nothing offered 0"]


@pytest.mark.parametrize(
    "query", ["from=2027-02-02&to=2027-01-01", "bucket=month", "from=0001-01-01"]
)
def test_filter_that_is_refused_is_named_above_the_form(person: Surfer, query: str) -> None:
    page = person.open(f"/admin/figures?{query}")
    assert page.status == 422
    assert page.query("[role=alert] a")
    assert page.query("form [name=bucket]")


def test_chart_has_a_mark_for_each_point_and_no_style() -> None:
    svg = charts.columns("A & B", [(f"<{n}>", n) for n in range(20)], lambda v: f"{v:.0f}%")
    assert svg.count("<rect") == 21  # and the background
    assert 'aria-label="A &amp; B"' in svg
    assert "&lt;0&gt;" in svg
    assert "&lt;1&gt;" not in svg  # there is no room for every name
    assert not re.search(r"<style|style=|<script", svg)
    same = charts.bars("Doctors", [("Dr. A", 0.5), ("Dr. A", 1.0)], str)
    assert same.count("<rect") == 3
    assert charts.columns("Nothing", [("a", 0)], str) == charts.bars("Nothing", [], str) == ""
    assert charts.columns("Losses", [("a", -5), ("b", -1)], str).count("<rect") == 3


# Accounts


def test_doctor_is_onboarded_once_closed_and_opened_again(
    person: Surfer, admin: Client, patient: Client
) -> None:
    page = person.open("/admin/accounts")
    person.follow("On-board a doctor")
    email = f"{new_key()}@clinic.test"
    entries = {"full_name": HOSTILE, "email": email, "password": PASSWORD, "fee_minor": "4500"}
    entries |= {"specialty": "Neurology", "time_zone": "Europe/Berlin", "languages": "en, es"}
    form = person.page.form("/admin/doctors/new") | entries
    page = person.send_again("/admin/doctors/new", form | {"fee_minor": "45.00", "password": "x"})
    assert page.status == 422
    assert {a.attrs["href"] for a in page.query("[role=alert] a")} == {"#fee_minor", "#password"}
    assert page.form("/admin/doctors/new")["full_name"] == HOSTILE
    assert page.form("/admin/doctors/new")["password"] == ""
    form["key"] = page.form("/admin/doctors/new")["key"]
    page = person.send_again("/admin/doctors/new", form)
    assert page.text("[role=status]") == "The doctor can log in."
    assert person.send_again("/admin/doctors/new", form).url == page.url  # a double click
    assert page.heading == HOSTILE
    (account,) = ok(admin.get("/v1/admin/users", email=email))["items"]
    assert ok(admin.get(f"/v1/doctors/{account['id']}"))["languages"] == ["en", "es"]
    address = f"/admin/accounts/{account['id']}"
    assert "No consultation is planned." in page.text()

    person.follow("Close the account")
    assert ok(admin.get(f"/v1/admin/users/{account['id']}"))["deactivated_at"] is None  # it asks
    page = person.send(f"{address}/close")
    assert page.text("[role=status]") == "The account is closed."
    assert "Closed" in page.text("dd")
    assert "closed already" in person.open(f"{address}/close").text()
    listed = person.open(f"/admin/accounts?email={email}&state=deactivated&role=doctor")
    assert [email in row for row in rows(listed, "Accounts, the newest first")] == [True]
    person.open(address)
    person.follow("Open the account again")
    page = person.send(f"{address}/open")
    assert page.text("[role=status]") == "The account is open again."
    assert "open already" in person.open(f"{address}/open").text()


def test_closing_an_account_says_what_becomes_of_its_bookings(
    person: Surfer, new_doctor: People, patient: Client
) -> None:
    doctor = new_doctor()
    booked = [patient.book(doctor.publish(at(n))) for n in (2, 3)]
    address = f"/admin/accounts/{doctor.id}/close"
    page = person.open(address)
    assert "Booked consultations stay booked" in page.text()
    assert len(page.links("Pat Patient with Dora Doctor")) == 2
    person.send(address)
    for row in booked:
        assert ok(patient.get(f"/v1/consultations/{row['id']}"))["status"] == "scheduled"
    # What is still booked can be cancelled afterwards.
    page = person.open(address)
    form = page.form(address) | {"cancel_consultations": "yes", "reason": "The doctor has left"}
    page = person.send_again(address, form)
    for row in booked:
        found = ok(patient.get(f"/v1/consultations/{row['id']}"))
        assert (found["status"], found["cancellation_reason"]) == (
            "cancelled",
            "The doctor has left",
        )
    assert "No consultation is planned." in page.text()


def test_admin_cannot_close_the_own_account(person: Surfer, admin: Client) -> None:
    assert not person.open(f"/admin/accounts/{admin.id}").links("Close the account")
    page = person.open(f"/admin/accounts/{admin.id}/close")
    page = person.send(f"/admin/accounts/{admin.id}/close")
    assert page.status == 409
    assert "your own account" in page.text("[role=alert]")


def test_accounts_without_a_match_lead_to_all(person: Surfer) -> None:
    page = person.open("/admin/accounts?email=nobody@clinic.test")
    assert "No account matches." in page.text()
    assert rows(person.follow("Show all"), "Accounts, the newest first")
    refused = person.open("/admin/accounts?email=clinic")
    assert refused.links(selector="[role=alert] a") == ["#email"]


# Logs


def test_change_shows_old_and_new_values_side_by_side(
    person: Surfer, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(), reason=HOSTILE)
    ok(patient.post(f"/v1/consultations/{booked['id']}/cancel", {"reason": HOSTILE}, key=new_key()))
    page = person.open(f"/admin/changes?table_name=consultations&row_id={booked['id']}")
    assert [h.to_text() for h in page.query("article h2")] == [
        "Changed: consultations",
        "Added: consultations",
    ]
    changed = {r.split()[0]: r for r in rows_of(page.query("article")[0])}
    assert changed["status"] == "status scheduled cancelled"
    assert changed["cancellation_reason"] == f"cancellation_reason null {HOSTILE}"
    assert f"reason {HOSTILE}" in changed["reason"]  # it is the same, and folded away
    assert [d.to_text() for d in page.query("article del")][:1] == ["scheduled"]
    assert f"/admin/accounts/{patient.id}" in page.links()
    by_user = person.open(f"/admin/changes?user_id={patient.id}&operation=UPDATE")
    assert "Added" not in " ".join(h.to_text() for h in by_user.query("article h2"))
    request = page.query("article dd a")[-1]
    assert person.open(request.attrs["href"]).query("article")


def rows_of(element: object) -> list[str]:
    return [" ".join(tr.to_text().split()) for tr in element.query("tbody tr")]  # type: ignore[attr-defined]


def test_differences_are_those_of_all_fields_of_both_versions() -> None:
    old = {"a": 1, "b": None, "c": {"x": "ü"}, "d": "gone"}
    differing, same = differences(old, {"a": 2, "b": None, "c": {"x": "ü"}, "e": True})
    assert differing == [
        Difference("a", "1", "2"),
        Difference("d", "gone", None),
        Difference("e", None, "true"),
    ]
    assert same == [Difference("b", "null", "null"), Difference("c", '{"x": "ü"}', '{"x": "ü"}')]
    assert differences(None, {"a": "x"}) == ([Difference("a", None, "x")], [])


def test_audit_log_is_filtered_by_day_and_has_pages(person: Surfer, patient: Client) -> None:
    today = at(0).date()
    found = person.open(f"/admin/changes?from={today}&to={today}")
    assert len(found.query("article")) == 25
    assert person.follow("Next page").query("article")
    assert "to=" in person.page.url
    person.follow("First page")
    empty = person.open(f"/admin/changes?row_id={patient.id}&to=2001-01-01")
    assert "No change matches." in empty.text()
    assert person.follow("Show all").query("article")
    refused = person.open("/admin/changes?user_id=me")
    assert refused.status == 422
    assert refused.links(selector="[role=alert] a") == ["#user_id"]
    assert refused.query("#user_id")[0].attrs["value"] == "me"


def test_access_log_has_reads_and_refusals(person: Surfer, doctor: Client, patient: Client) -> None:
    booked, new_id = patient.book(doctor.publish()), new_key()
    ok(doctor.get(f"/v1/consultations/{booked['id']}"))
    patient.get("/v1/admin/analytics")
    page = person.open(f"/admin/accesses?resource_id={booked['id']}")
    (read,) = rows(page, "Accesses, the latest first")
    assert "Read get_consultation" in read
    assert doctor.id in read
    denied = person.open(f"/admin/accesses?kind=denied&user_id={patient.id}")
    (refusal,) = rows(denied, "Accesses, the latest first")
    assert "Refused (TM301) clinic_analytics" in refusal
    assert "No access matches." in person.open(f"/admin/accesses?resource_id={new_id}").text()


# Checks


def test_checks_show_invariants_and_seals_as_words(
    person: Surfer, cluster: Cluster, database: str
) -> None:
    cluster.sql("select ops.seal_audit(10000000, '1 minute')", database)
    seal = cluster.sql("select max(id) from app.audit_seals", database)
    page = person.open("/admin/checks?age=day")
    assert page.text(".badge") == "Intact"
    assert "follow each other" in page.text()
    assert rows(page, "Seals, the newest first")[0].startswith(f"{seal} Intact")
    held = rows(page, "Rules that hold for every row at any time")
    assert len(held) > 20
    assert all(row.endswith(" Holds 0") for row in held)
    change = "set local session_replication_role = replica; update app.audit_seals set row_count ="
    cluster.sql(f"begin; {change} row_count + 1 where id = {seal}; commit", database)
    try:
        page = person.open("/admin/checks")
        assert page.text(".badge") == "Broken"
        assert "Tell a DBA" in page.text()
        assert f"seal_changed , seal {seal}" in page.text()
        assert rows(person.open("/admin/seals"), "Seals, the newest first")[0].startswith(
            f"{seal} Broken"
        )
    finally:
        cluster.sql(f"begin; {change} row_count - 1 where id = {seal}; commit", database)


def test_violated_invariant_comes_first_with_its_rows(
    person: Surfer, cluster: Cluster, database: str, doctor: Client
) -> None:
    slot = doctor.publish()
    change = "set local session_replication_role = replica; update app.availability_slots"
    where = f"where id = '{slot['id']}'; commit"
    cluster.sql(f"begin; {change} set status = 'booked' {where}", database)
    try:
        held = rows(person.open("/admin/checks"), "Rules that hold for every row at any time")
        assert "Violated 1" in held[0]
        assert slot["id"] in held[0]
    finally:
        cluster.sql(f"begin; {change} set status = 'open' {where}", database)


# Webhooks


def test_types_of_events_to_choose_from_are_those_of_the_api() -> None:
    assert EVENT_TYPES == TYPES


def test_webhook_is_added_changed_and_deleted(person: Surfer, admin: Client) -> None:
    person.open("/admin/webhooks")
    person.follow("Add a webhook")
    form = person.page.form("/admin/webhooks/new") | {"description": HOSTILE}
    wrong = form | {"url": "http://clinic.test", "event_types": "payment.recorded"}
    page = person.send_again("/admin/webhooks/new", wrong)
    assert page.links(selector="[role=alert] a") == ["#url"]
    form = page.form("/admin/webhooks/new") | {"url": "https://hooks.clinic.test/console"}
    page = person.send_again("/admin/webhooks/new", form | {"event_types": "payment.recorded"})
    secret = page.query("dd code")[1].to_text()
    assert secret.startswith("whsec_")
    # A reload sends the form again, and shows the same secret of the same webhook.
    again = person.send_again("/admin/webhooks/new", form | {"event_types": "payment.recorded"})
    assert again.query("dd code")[1].to_text() == secret
    page = person.follow("To the webhook")
    assert page.heading == f"Webhook: {HOSTILE}"
    assert secret not in page.answer.text
    assert "Nothing was sent yet." in page.text()
    id_ = page.url.rpartition("/")[2]
    webhook = ok(admin.get(f"/v1/webhooks/{id_}"))
    assert webhook["event_types"] == ["payment.recorded"]

    address = f"/admin/webhooks/{id_}/change"
    stale = person.open(address).form(address)
    assert stale["is_enabled"] == "yes"
    page = person.send_again(address, stale | {"is_enabled": "no", "description": ""})
    assert page.text("[role=status]") == "The webhook is saved."
    assert "Disabled by an admin" in page.text("dd .badge")
    # Another tab does not overwrite it.
    page = person.send_again(address, stale)
    assert page.status == 412
    assert ok(admin.get(f"/v1/webhooks/{id_}"))["is_enabled"] is False
    assert HOSTILE not in person.open(f"/admin/webhooks/{id_}").text()

    redelivery = f"/admin/webhooks/{id_}/redeliver"
    person.open(redelivery)
    assert "disabled" in person.send(redelivery, event_id="1").text("[role=alert]")
    address = f"/admin/webhooks/{id_}/delete"
    form = person.open(address).form(address)
    assert "cannot be undone" in person.page.text()
    page = person.send_again(address, form)
    assert page.text("[role=status]") == "The webhook is deleted."
    assert id_ not in page.answer.text
    assert person.send_again(address, form).status == 404


def test_secret_is_replaced_once_however_often_the_form_is_sent(
    person: Surfer, admin: Client
) -> None:
    body = {"url": "https://hooks.clinic.test/rotate"}
    webhook = ok(admin.post("/v1/webhooks", body), 201)
    address = f"/admin/webhooks/{webhook['id']}/secret"
    form = person.open(address).form(address)
    wrong = person.send_again(address, form | {"previous_hours": "many"})
    assert wrong.links(selector="[role=alert] a") == ["#previous_hours"]
    page = person.send_again(address, form | {"previous_hours": "2"})
    secret = page.query("dd code")[1].to_text()
    assert secret.startswith("whsec_")
    assert secret != webhook["secret"]
    assert "signs until" in page.text()
    again = person.send_again(address, form | {"previous_hours": "2"})
    assert again.status == 412
    unversioned = {name: value for name, value in form.items() if name != "version"}
    assert person.send_again(address, unversioned | {"previous_hours": "2"}).status == 412


def test_webhook_shows_its_attempts_and_sends_again(
    person: Surfer, admin: Client, cluster: Cluster, database: str
) -> None:
    body = {"url": "https://hooks.clinic.test/attempts"}
    webhook = ok(admin.post("/v1/webhooks", body), 201)["id"]
    address = f"/admin/webhooks/{webhook}"
    person.open(f"{address}/ping")
    page = person.send(f"{address}/ping")
    assert "The test is on its way." in page.text("[role=status]")
    cluster.sql(
        "insert into app.webhook_attempts"
        " (delivery_id, endpoint_id, attempt, attempted_at, duration_ms, status_code, error,"
        " answer) select id, endpoint_id, 1, now(), 87, 500, 'refused', '<b>no</b>'"
        f" from app.webhook_deliveries where endpoint_id = '{webhook}'",
        database,
    )
    (attempt,) = rows(person.open(address), "Attempts, the latest first")
    assert "webhook.ping 500 refused (87 ms) Answer <b>no</b>" in attempt
    event = cluster.sql("select max(id) from app.events", database)
    person.open(f"{address}/redeliver")
    page = person.send(f"{address}/redeliver", event_id=event)
    assert page.text("[role=status]") == "The events are on their way again."
    person.open(f"{address}/redeliver")
    page = person.send(f"{address}/redeliver", starts_at="2001-01-01", ends_at="2001-01-02")
    assert "No event of this time" in page.text("[role=status]")
    for wrong in ({}, {"event_id": "x"}, {"event_id": "9" * 19}, {"starts_at": "2001-01-01"}):
        person.open(f"{address}/redeliver")
        page = person.send(f"{address}/redeliver", **wrong)
        assert page.status in (404, 422), wrong
        assert page.query("[role=alert]")


# System


def test_system_shows_the_worker_its_queue_and_advice(
    person: Surfer, cluster: Cluster, database: str
) -> None:
    task = f"task_{new_key()}"
    dead_job(cluster, database, task)
    cluster.sql("delete from procrastinate.procrastinate_workers", database)
    page = person.open("/admin/system")
    lights = [badge.to_text() for badge in page.query("dd .badge")]
    assert lights == ["Served", "Missing"]
    (row,) = (row for row in rows(page, "Jobs by task") if task in row)
    assert row == f"{task} Bad 0 0 0 1"
    advice = rows(page, "Advice for the DBA")
    assert any(row.startswith("dead jobs Warning") for row in advice)
    figures = rows(page, "Figures of the database")
    assert any(row.startswith("Size of the database") for row in figures)
    cluster.sql("insert into procrastinate.procrastinate_workers default values", database)
    assert [b.to_text() for b in person.open("/admin/system").query("dd .badge")][1] == "Running"
    cluster.sql("delete from procrastinate.procrastinate_workers", database)
    assert person.open(f"/admin/jobs?task={task}").query("tbody tr")


def test_failed_jobs_are_tried_again_one_or_all_of_a_task(
    person: Surfer, cluster: Cluster, database: str
) -> None:
    task = f"task_{new_key()}"
    arguments = '{"note": "<b>&</b>"}'
    ids = [dead_job(cluster, database, task, arguments) for _ in range(3)]
    page = person.open(f"/admin/jobs?task={task}")
    assert [row.split()[0] for row in rows(page, "Failed jobs, the latest first")] == ids[::-1]
    assert "note: <b>&</b>" in rows(page, "Failed jobs, the latest first")[0]
    one = {"form_token": page.query("td [name=form_token]")[0].attrs["value"], "job_id": ids[0]}
    page = person.send_again("/admin/jobs/retry", one)
    assert page.text("[role=status]") == "The jobs are in the queue again."
    again = person.send_again("/admin/jobs/retry", one)  # back, and a second click
    assert again.status == 404
    assert "has not failed" in again.text("[role=alert]")
    person.open(f"/admin/jobs?task={task}")
    page = person.follow("Try all of them again")
    assert page.form("/admin/jobs/retry")["task"] == task
    page = person.send("/admin/jobs/retry")
    assert page.text("[role=status]") == "The jobs are in the queue again."
    page = person.open(f"/admin/jobs?task={task}")
    assert "No job has failed." in page.text()
    person.open(f"/admin/jobs/retry?task={task}")
    page = person.send("/admin/jobs/retry")
    assert "No job was put back" in page.text("[role=status]")


def test_pages_are_in_the_language_of_the_reader(admin: Client) -> None:
    browser = surfer(admin)
    browser.session.headers["Accept-Language"] = "fr"
    assert browser.open("/admin/figures").heading == "Chiffres"
    assert browser.open("/admin/checks").heading == "Invariants et sceaux"
    browser.session.headers["Accept-Language"] = "es"
    assert browser.open("/admin/jobs").heading == "Tareas fallidas"
