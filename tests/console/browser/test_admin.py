"""The way of an admin in a real Chromium: figures, accounts, logs, checks, webhooks, the system."""

from __future__ import annotations

from scripts.server import Cluster
from tests.support.browser import Visit
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.people import People


def test_admin_reads_the_figures_and_their_charts(
    tab: Visit, new_doctor: People, patient: Client, admin: Client
) -> None:
    doctor = new_doctor(full_name="Dr. Chromia Clark")
    booked = doctor.complete(patient.book(doctor.publish(at(400))))
    admin.pay(booked)
    tab.log_in(admin)
    tab.look()
    day = at(400).date().isoformat()
    tab.fill(**{"from": day, "to": day, "bucket": "week"})
    tab.press("Show")
    assert "Dr. Chromia Clark" in tab.text
    assert tab.page.locator("figure svg.chart").count() >= 3
    # Colours of the page, and not those that the drawing has without a style
    bar = tab.page.locator(".chart .series rect").first
    assert bar.evaluate("bar => getComputedStyle(bar).fill") == "rgb(10, 90, 140)"
    tab.look()
    tab.fill(**{"from": "2027-02-02", "to": "2027-01-01"})
    tab.press("Show")
    tab.look(status=422)


def test_admin_onboards_a_doctor_and_closes_the_account(tab: Visit, admin: Client) -> None:
    tab.log_in(admin)
    tab.follow("Accounts")
    tab.look()
    tab.follow("On-board a doctor")
    tab.look()
    email = f"{new_key()}@clinic.test"
    tab.fill(full_name="Dr. Nora Sand", email=email, password=PASSWORD, specialty="Neurology")
    tab.fill(time_zone="Europe/Berlin", fee_minor="45.00", currency="EUR", languages="en es")
    tab.press("On-board")
    tab.look(status=422)
    tab.fill(fee_minor="4500", password=PASSWORD)
    tab.press("On-board")
    assert tab.said == "The doctor can log in."
    tab.look()
    account = tab.path
    assert len(ok(admin.get("/v1/admin/users", email=email))["items"]) == 1
    tab.follow("Close the account")
    tab.look()
    tab.press("Close the account")
    assert tab.said == "The account is closed."
    tab.look()
    tab.page.go_back()
    tab.page.reload()
    assert "closed already" in tab.text
    tab.open("/admin/accounts")
    tab.fill(email=email, state="deactivated")
    tab.press("Find")
    assert "Dr. Nora Sand" in tab.text
    tab.look()
    tab.open(account)
    tab.follow("Open the account again")
    tab.look()
    tab.press("Open the account again")
    assert tab.said == "The account is open again."
    tab.look()
    tab.open(f"/admin/accounts/{new_key()}")
    tab.look(status=404, steady=False)  # it names the request


def test_admin_reads_the_logs_and_the_checks(
    tab: Visit, doctor: Client, patient: Client, admin: Client, cluster: Cluster, database: str
) -> None:
    booked = patient.book(doctor.publish(), reason="A cough")
    path = f"/v1/consultations/{booked['id']}"
    ok(doctor.get(path))
    ok(patient.post(f"{path}/cancel", {"reason": "Well again"}, key=new_key()))
    cluster.sql("select ops.seal_audit(10000000, '1 minute')", database)
    tab.log_in(admin)
    tab.follow("Audit log")
    tab.look(steady=False)  # other tests go on
    tab.fill(table_name="consultations", row_id=booked["id"])
    tab.press("Show")
    assert tab.page.locator("article del").first.inner_text() == "scheduled"
    tab.look()
    tab.page.locator("details summary").first.click()
    tab.look(steady=False)  # a reload closes it
    tab.fill(user_id="me")
    tab.press("Show")
    tab.look(status=422)
    tab.follow("Accesses")
    tab.look(steady=False)
    tab.fill(resource_id=booked["id"], kind="read")
    tab.press("Show")
    assert "get_consultation" in tab.text
    tab.look()
    tab.follow("Invariants and seals")
    assert "Intact" in tab.text
    tab.look()
    tab.fill(age="day")
    tab.press("Check")
    tab.look()
    tab.follow("All seals")
    tab.look()
    tab.follow("Consultations")
    tab.look()
    tab.open(f"/consultations/{booked['id']}")
    tab.look()


def test_admin_adds_and_removes_a_webhook(tab: Visit, admin: Client) -> None:
    tab.log_in(admin)
    tab.follow("Webhooks")
    tab.look()
    tab.follow("Add a webhook")
    tab.look()
    tab.fill(url="http://hooks.clinic.test/x", description="The laboratory")
    tab.press("Add")
    tab.look(status=422)
    tab.fill(url="https://hooks.clinic.test/chromium")
    tab.press("Add")
    secret = tab.page.locator("dd code").last.inner_text()
    assert secret.startswith("whsec_")
    tab.look()  # a reload sends the form again, and shows the same webhook
    tab.follow("To the webhook")
    assert secret not in tab.page.content()
    tab.look()
    webhook = tab.path
    for link, button in (("Send a test", "Send a test"), ("Change", "Save")):
        tab.follow(link)
        tab.look()
        tab.press(button)
        tab.look(steady=False)  # the worker may send meanwhile
    tab.open(webhook)
    tab.follow("Send events again")
    tab.look()
    tab.press("Send again")
    tab.look(status=422)
    day = at(0).date().isoformat()
    tab.fill(starts_at=day, ends_at=day)
    tab.press("Send again")
    tab.look(steady=False)
    tab.open(webhook)
    tab.follow("Replace the secret")
    tab.look()
    tab.press("Replace the secret")
    assert tab.page.locator("dd code").last.inner_text() not in ("", secret)
    tab.look(steady=False)  # shown once: a reload is refused, because the secret is replaced
    tab.page.reload()
    assert tab.status == 412
    tab.open(webhook)
    tab.follow("Delete")
    tab.look()
    tab.press("Delete the webhook")
    assert tab.said == "The webhook is deleted."
    tab.look()
    assert ok(admin.get("/v1/webhooks"))["items"] == []


def test_admin_reads_the_state_and_tries_failed_jobs_again(
    tab: Visit, admin: Client, cluster: Cluster, database: str
) -> None:
    task = f"task_{new_key()}"
    cluster.sql(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, args)"
        f" select 'none', '{task}', 'failed', '{{}}' from generate_series(1, 2)",
        database,
    )
    tab.log_in(admin)
    tab.follow("System")
    assert task in tab.text
    tab.look(steady=False)  # figures of the database grow
    tab.follow("Failed jobs")
    tab.look()
    tab.fill(task=task)
    tab.press("Show")
    tab.look()
    with tab.page.expect_navigation():
        tab.page.locator("td button").first.click()
    assert tab.said == "The jobs are in the queue again."
    tab.look()
    tab.open(f"/admin/jobs?task={task}")
    tab.follow("Try all of them again")
    tab.look()
    tab.press("Try again")
    assert tab.said == "The jobs are in the queue again."
    tab.open(f"/admin/jobs?task={task}")
    assert "No job has failed." in tab.text
    tab.look()
