"""The account at the console, with JavaScript off: what users see and change about themselves."""

from __future__ import annotations

import json
import re

import pytest
import requests

from console.pages import me
from console.texts import instant
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import PASSWORD, Client, new_key, ok, problem, race
from tests.support.pages import Page, Surfer
from tests.support.people import People
from tests.support.second_factor import CONFIRM, ENROL, Protected, confirm, enrol, now_step
from tests.support.server import Server

NEW_PASSWORD = "violet kettle 83 meadow"
REMOVE = "/account/second-factor/remove"


def surfer(client: Client) -> Surfer:
    """A browser in which the owner of an account is logged in."""
    person = Surfer(client.url)
    assert person.log_in(client.email, PASSWORD).status == 200
    return person


def tab_of(person: Surfer) -> Surfer:
    """Another tab of the same browser."""
    other = Surfer(person.url)
    other.session = person.session
    return other


def faults(page: Page) -> list[str]:
    return page.links(selector="[role=alert] a")


def sent_to(server: Server, email: str) -> list[str]:
    """The tokens of the messages to an address, the newest last."""
    lines = [json.loads(line) for line in server.output.splitlines() if email in line]
    return [line["token"] for line in lines if line["event"] == "delivery"]


# The account and its profile


def test_account_leads_to_all_of_its_pages(patient: Client, admin: Client) -> None:
    ok(patient.patch("/v1/me", {"language": "es"}))
    for client, text, missing in (
        (patient, "Cuenta", set()), (admin, "Account", {"/account/calendar"}),
    ):  # fmt: skip
        person = surfer(client)
        person.open("/")
        page = person.follow(text)
        links = page.links(selector="main a")
        pages = {
            rule for path in (CHECKOUT / "console/pages").glob("*.py")
            for rule in re.findall(r'"(/account/[a-z-]+)"', path.read_text())
        }  # fmt: skip
        assert len(pages) > 8
        assert pages - set(links) == missing
        for link in sorted(set(links) - {"/account/export"}):
            assert person.open(link).status == 200, link


def test_profile_is_changed(patient: Client) -> None:
    person = surfer(patient)
    person.open("/account")
    page = person.follow("Profile")
    assert page.form("/account/profile")["full_name"] == "Pat Patient"
    refused = person.send("/account/profile", full_name=" ", phone="call me", date_of_birth="1980")
    assert refused.status == 422
    assert set(faults(refused)) == {"#full_name", "#phone", "#date_of_birth"}
    assert refused.form("/account/profile")["phone"] == "call me"
    name = "Zoë <b>O’Neill</b> & Co"
    saved = person.send(
        "/account/profile", full_name=name, phone="+49 30 901820", date_of_birth="1980-02-29"
    )
    assert saved.text("[role=status]") == "Your profile is saved."
    assert "February 29, 1980" in saved.text()
    assert name in saved.text()
    profile = ok(patient.get("/v1/me"))
    assert (profile["full_name"], profile["phone"]) == (name, "+49 30 901820")
    person.open("/account/profile")
    person.send("/account/profile", phone=" ", date_of_birth="")
    profile = ok(patient.get("/v1/me"))
    assert (profile["phone"], profile["date_of_birth"]) == (None, None)


def test_profile_that_another_tab_has_changed_is_not_overwritten(patient: Client) -> None:
    person = surfer(patient)
    person.open("/account/profile")
    other = tab_of(person)
    other.open("/account/profile")
    assert other.send("/account/profile", full_name="Pat Second").status == 200
    refused = person.send("/account/profile", full_name="Pat First")
    assert refused.status == 412
    assert "changed meanwhile" in refused.text("[role=alert]")
    assert ok(patient.get("/v1/me"))["full_name"] == "Pat Second"
    person.send("/account/profile", full_name="Pat First")
    assert ok(patient.get("/v1/me"))["full_name"] == "Pat First"


def test_notifications_of_two_tabs_do_not_undo_each_other(patient: Client) -> None:
    person = surfer(patient)
    address = "/account/notifications"
    page = person.open(address)
    assert page.links("Enter one") == ["/account/profile"]  # there is no telephone number yet
    assert len(page.query("fieldset")) == 6
    shown = {f.attrs["name"]: f.attrs["value"] for f in page.query("main [type=hidden]")}
    chosen = {
        kind.removesuffix("-shown"): value.split()
        for kind, value in shown.items() if kind.endswith("-shown")
    }  # fmt: skip
    checked = page.query("[type=checkbox][checked]")
    assert sorted((f.attrs["name"], f.attrs["value"]) for f in checked) == sorted(
        (kind, value) for kind, values in chosen.items() for value in values
    )
    stored = {row["kind"]: row for row in ok(patient.get("/v1/me/notifications"))["items"]}
    assert chosen == {
        kind: [name for name in ("by_email", "by_sms") if row[name]] for kind, row in stored.items()
    }
    # Meanwhile another tab switches SMS on.
    ok(patient.patch("/v1/me/notifications", {"kind": "booked", "by_sms": True}))
    without = {kind: value for kind, value in chosen.items() if kind != "booked"}
    saved = person.send_again(address, shown | without)  # type: ignore[arg-type]
    assert saved.text("[role=status]") == "Your choice of notifications is saved."
    after = {row["kind"]: row for row in ok(patient.get("/v1/me/notifications"))["items"]}
    changed = {"kind": "booked", "by_email": False, "by_sms": True}
    assert after == stored | {"booked": changed}


# Password and e-mail address


def test_password_is_changed_and_this_session_goes_on(patient: Client) -> None:
    person, elsewhere = surfer(patient), surfer(patient)
    address = "/account/password"
    person.open(address)
    entries = {"current_password": "not the password", "new_password": NEW_PASSWORD}
    wrong = person.send(address, **entries)
    assert (wrong.status, faults(wrong)) == (422, ["#current_password"])
    weak = person.send(address, current_password=PASSWORD, new_password="password1234")
    assert (weak.status, faults(weak)) == (422, ["#new_password"])
    same = person.send(address, current_password=PASSWORD, new_password=PASSWORD)
    assert "present password" in same.text("[role=alert]")
    assert PASSWORD not in same.answer.text
    form = same.form(address) | {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    done = person.send_again(address, form)
    assert "Every other session has ended." in done.text("[role=status]")
    assert person.open("/account/sessions").status == 200
    assert "/log-in?" in elsewhere.open("/account").url
    # The form is sent again, as by "back".
    again = person.send_again(address, form)
    assert again.status == 403
    assert "Nothing was changed" in again.text("[role=alert]")
    assert Surfer(patient.url).log_in(patient.email, NEW_PASSWORD).url == patient.url + "/"


@pytest.mark.parametrize(("address", "entries", "done"), [
    (
        "/account/password",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        "/account?done=new-password",
    ),
    ("/account/close", {"password": PASSWORD}, "/log-in?done=account-closed"),
])  # fmt: skip
def test_double_click_that_ends_the_session_says_what_has_happened(
    patient: Client, address: str, entries: dict[str, str], done: str
) -> None:
    person = surfer(patient)
    form = person.open(address).form(address) | entries
    cookies, headers = person.session.cookies.get_dict(), dict(person.session.headers)

    def click() -> str:
        answer = requests.post(
            patient.url + address, form, cookies=cookies, headers=headers, allow_redirects=False,
            timeout=60,
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    assert sorted(race([click, click])) == sorted([done, "/log-in?done=ended-meanwhile"])
    assert "log in with the new one" in person.open("/log-in?done=ended-meanwhile").text()


def test_email_address_changes_with_the_code_of_the_message(
    server: Server, patient: Client
) -> None:
    person = surfer(patient)
    address, new = "/account/email", f"new-{patient.email}"
    person.open(address)
    wrong = person.send(address, email=new, password="not the password")
    assert (wrong.status, faults(wrong)) == (422, ["#password"])
    assert wrong.form(address) == wrong.form(address) | {"email": new, "password": ""}
    bad = person.send(address, email="nobody", password=PASSWORD)
    assert (bad.status, faults(bad)) == (422, ["#email"])
    page = person.send(address, email=new, password=PASSWORD)
    assert "on its way to the new address" in page.text("[role=status]")
    assert ok(patient.get("/v1/me"))["email"] == patient.email
    (token,) = sent_to(server, new)
    assert person.send("/verify-email", token=token[::-1]).status == 422
    done = person.send("/verify-email", token=token)
    assert done.text("[role=status]") == "Your e-mail address is verified."
    assert new in person.follow("Continue").text()
    assert person.page.url == patient.url + "/account"
    # A verified address changes as well.
    person.open(address)
    page = person.send(address, email="x" + new, password=PASSWORD)
    assert f"{new} is verified." in page.text()
    assert person.send("/verify-email", token=sent_to(server, "x" + new)[-1]).status == 200
    assert ok(patient.get("/v1/me"))["email"] == "x" + new


# Sessions


def test_session_of_another_device_is_ended(patient: Client) -> None:
    person, other = surfer(patient), surfer(patient)
    page = person.open("/account/sessions")
    headings = [heading.to_text() for heading in page.query("article h2")]
    assert sorted(headings) == ["Another session", "Another session", "This session"]
    actions = [form.attrs["action"] for form in page.query("article form")]
    # That of the other browser, and that of the API client; the present one logs out.
    (action,) = [action for action in actions if not action.endswith(patient.session_id)]
    assert len(actions) == 2
    # The address without its form, such as after a log-in, only shows the list.
    assert person.open(action).status == 200
    form = person.page.form(action)
    ended = person.send_again(action, form)
    assert ended.text("[role=status]") == "The session has ended."
    assert "/log-in?" in other.open("/account").url
    again = person.send_again(action, form)
    assert again.status == 404
    assert again.text("[role=alert]") == "This session has ended already."
    assert len(ok(patient.get("/v1/me/sessions"))["items"]) == 2


def test_session_of_somebody_else_is_not_ended(patient: Client, new_patient: People) -> None:
    victim = new_patient()
    person = surfer(patient)
    form = person.open("/account/sessions").form(
        person.page.query("article form")[0].attrs["action"]
    )
    page = person.send_again(f"/account/sessions/{victim.session_id}", form)
    assert page.status == 404
    ok(victim.get("/v1/me"))


# Second factor


def test_second_factor_is_set_up_used_and_removed(server: Server, patient: Client) -> None:
    person = surfer(patient)
    person.open("/account")
    person.follow("Second factor")
    authenticator = enrol(person)
    secret = authenticator.totp.secret
    (link,) = person.page.links("open it there")
    assert f"secret={secret}" in link
    assert link.startswith("otpauth://totp/")
    wrong = person.send(CONFIRM, otp=authenticator.wrong())
    assert wrong.status == 401
    assert "code is wrong" in wrong.text("[role=alert]")
    assert secret not in wrong.answer.text  # shown once
    assert person.cookie("telemed_refresh")  # a wrong code ends no session
    page = confirm(person, authenticator)
    assert page.url.startswith(patient.url + "/account/second-factor/codes")
    codes = [item.to_text().strip() for item in page.query(".codes li")]
    assert len(set(codes)) == 10
    assert page.links("Continue") == ["/account"]
    # They are shown once: a reload has them no more, and repeats no form.
    reloaded = person.open(page.url)
    assert not reloaded.query(".codes")
    assert codes[0] not in str(person.session.cookies)
    assert "/account/second-factor/codes" in server.output
    assert not [text for text in (secret, *codes) if text in server.output]
    assert "Second factor on" in person.open("/account").text("dl")

    other = Surfer(patient.url)
    assert other.log_in(patient.email, PASSWORD).status == 401
    assert other.send("/log-in", password=PASSWORD, otp=codes[0]).url == patient.url + "/"

    person.open("/account/second-factor")
    asked = person.follow("Remove the second factor")
    assert person.send(REMOVE, otp=authenticator.wrong()).status == 401
    removed = person.send_again(REMOVE, asked.form(REMOVE) | {"otp": f" {codes[1]} "})
    assert removed.text("[role=status]") == "The second factor is removed."
    assert Surfer(patient.url).log_in(patient.email, PASSWORD).url == patient.url + "/"
    again = person.send_again(REMOVE, asked.form(REMOVE) | {"otp": codes[2]})
    assert again.status == 409
    assert "has no second factor" in again.text()


def test_second_factor_that_is_confirmed_twice_says_what_to_do(patient: Client) -> None:
    person = surfer(patient)
    person.open("/account/second-factor")
    other = tab_of(person)
    other.open("/account/second-factor")
    enrol(other)
    authenticator = enrol(person)  # the later secret counts
    form = person.page.form(CONFIRM)
    assert person.open(CONFIRM).status == 200  # opened without its form
    person.open("/account/second-factor")
    authenticator = enrol(person)
    confirm(person, authenticator)
    again = person.send_again(CONFIRM, form | {"otp": authenticator.at(now_step())})
    assert again.status == 409
    assert "remove it and set it up again" in again.text("[role=alert]")
    assert again.links("Remove the second factor") == [REMOVE]
    begun = other.send(ENROL)
    assert begun.status == 409
    assert not begun.query(".qr")
    assert other.open(ENROL).url == patient.url + "/account/second-factor"


def test_confirmation_without_an_enrolment_begins_again(patient: Client) -> None:
    person = surfer(patient)
    person.open(CONFIRM)
    page = person.send(CONFIRM, otp="123456")
    assert page.status == 409
    assert page.form(ENROL)


def test_fifth_wrong_code_logs_out(patient: Client) -> None:
    protected = Protected(patient)
    person = Surfer(patient.url)
    person.log_in(patient.email, PASSWORD)
    person.send("/log-in", password=PASSWORD, otp=protected.recovery_codes[0])
    person.open(REMOVE)
    for _ in range(4):
        assert person.send(REMOVE, otp=protected.authenticator.wrong()).status == 401
    assert "/log-in?" in person.send(REMOVE, otp=protected.authenticator.wrong()).url


# The data of the account


def test_access_log_says_who_has_read_what_and_when(
    new_doctor: People, admin: Client, patient: Client
) -> None:
    doctor = new_doctor(full_name="Dr. <i>Rita</i> Reader")
    person = surfer(patient)
    first = person.open("/account/access-log")
    assert "Nobody else has read your data so far." in first.text()
    booked = patient.book(doctor.publish())
    ok(doctor.get(f"/v1/consultations/{booked['id']}"))
    ok(admin.get(f"/v1/consultations/{booked['id']}/payments"))
    page = person.open("/account/access-log")
    items = [" ".join(article.to_text().split()) for article in page.query("article")]
    assert items[0].startswith("Chief admin Read the payments ")
    assert items[1].startswith("Dr. <i>Rita</i> Reader doctor Read the consultation ")
    assert items[2].startswith("You Read this list ")
    assert len(items) == 3
    (link,) = page.query("article")[1].query("li a")
    assert link.attrs["href"] == f"/consultations/{booked['id']}"
    assert link.to_text().strip().startswith("Dr. <i>Rita</i> Reader, ")
    assert not page.query("article")[2].query("a")
    moment = page.query("article")[0].query("time")[0].attrs["datetime"]
    assert instant(moment)


def test_access_log_names_no_user_for_a_database_administrator(
    cluster: Cluster, database: str, patient: Client
) -> None:
    act = f"select ops.act_as('{patient.email}')"
    cluster.sql(f"begin; {act}; select api.my_access_log(1); commit", database)
    page = surfer(patient).open("/account/access-log")
    texts = [" ".join(article.to_text().split()) for article in page.query("article")]
    assert texts[0].startswith("A database administrator Read this list")
    assert texts[1].startswith("A database administrator Opened your account in the database")


def test_access_log_has_pages(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    for _ in range(me.READS_OF_PAGE + 1):
        ok(doctor.get(f"/v1/consultations/{booked['id']}"))
    person = surfer(patient)
    assert len(person.open("/account/access-log").query("article")) == me.READS_OF_PAGE
    assert len(person.follow("Next page").query("article")) == 1
    assert person.follow("First page").text("article h2") == "You"


def test_every_read_has_its_words() -> None:
    folder = CHECKOUT / "db/deploy"
    texts = [path.read_text() for path in folder.rglob("*.sql")]
    written = r"(?:app\.record_read\(|'(?:read|act_as)',)\s*'([a-z_]+)'"
    operations = {name for text in texts for name in re.findall(written, text)} - {"denied"}
    assert len(operations) > 20
    missing, stale = operations - set(me.READS), set(me.READS) - operations
    assert not missing, f"READS of console/pages/me.py lacks words for {missing}"
    assert not stale


def test_export_is_a_file_with_all_data(patient: Client) -> None:
    person = surfer(patient)
    person.open("/account")
    (address,) = person.page.links("Download all my data")
    answer = person.session.get(patient.url + address, timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["tables"]["users"][0]["email"] == patient.email
    assert "Downloaded all your data" in person.open("/account/access-log").text("article")
    stranger = requests.get(patient.url + address, timeout=60, allow_redirects=False)
    assert stranger.status_code == 303


def test_account_is_closed_after_a_question(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    person, address = surfer(patient), "/account/close"
    page = person.open(address)
    assert "What is kept" in page.text()
    wrong = person.send(address, password="not the password")
    assert (wrong.status, faults(wrong)) == (422, ["#password"])
    form = wrong.form(address) | {"password": PASSWORD}
    assert ok(patient.get(f"/v1/consultations/{booked['id']}"))["status"] == "scheduled"
    closed = person.send_again(address, form)
    assert closed.text("[role=status]") == "Your account is closed, and you are logged out."
    assert not person.cookie("telemed_access")
    assert not person.cookie("telemed_refresh")
    problem(patient.get("/v1/me"), 401, "TM102")
    assert ok(doctor.get(f"/v1/consultations/{booked['id']}"))["status"] == "cancelled"
    assert person.send_again(address, form).status == 403  # the form of another session
    assert person.log_in(patient.email, PASSWORD).status == 401


def test_account_of_a_doctor_is_closed_by_an_admin(doctor: Client) -> None:
    person = surfer(doctor)
    page = person.open("/account/close")
    assert "by another admin" in page.text()
    assert not page.query("main form")
    form = person.open("/account/password").form("/account/password")
    refused = person.send_again("/account/close", form | {"password": PASSWORD})
    assert refused.status == 403
    ok(doctor.get("/v1/me"))


def test_private_calendar_is_made_shown_once_and_ended(doctor: Client, patient: Client) -> None:
    patient.book(doctor.publish())
    person, address = surfer(patient), "/account/calendar"
    form = person.open(address).form(address)

    def read(page: Page) -> requests.Response:
        path = page.text("main code").partition("/v1/")[2]
        return requests.get(f"{patient.url}/v1/{path}", timeout=60)

    made = person.send_again(address, form)
    assert "BEGIN:VEVENT" in read(made).text
    assert made.text("main code") not in str(person.session.cookies)
    # A reload shows it no more, and makes no other one.
    assert not person.open(made.url).query("main code")
    assert read(made).status_code == 200
    second = person.send_again(address, form)
    assert read(made).status_code == 404
    assert read(second).status_code == 200
    person.follow("End the address")
    assert read(second).status_code == 200  # it asks first
    form = person.page.form(f"{address}/revoke")
    for _ in range(2):
        ended = person.send_again(f"{address}/revoke", form)
        assert ended.text("[role=status]") == "The address of your calendar has ended."
    assert read(second).status_code == 404


def test_admin_has_no_private_calendar(admin: Client) -> None:
    person = surfer(admin)
    page = person.open("/account/calendar")
    assert not page.query("main form")
    form = person.open("/account/password").form("/account/password")
    assert person.send_again("/account/calendar", form).status == 403


# Payments


def test_payments_and_refunds_have_receipts(doctor: Client, patient: Client, admin: Client) -> None:
    booked = patient.book(doctor.publish())
    person = surfer(patient)
    person.open(f"/consultations/{booked['id']}")
    page = person.follow("Payments")
    assert "No payment is recorded yet." in page.text()
    assert "You pay the clinic" in page.text()
    assert "€50.00 to be paid" in page.text("dl")
    payment = admin.pay(booked, 3000)
    refund = {"amount_minor": 1234, "reason": "Paid <too> much"}
    ok(admin.post(f"/v1/payments/{payment['id']}/refunds", refund, key=new_key()), 201)
    admin.pay(booked, 2000)
    page = person.open(page.url)
    assert "Paid, less refunds €37.66 Amount due €12.34 to be paid" in page.text("dl")
    headings = [" ".join(h.to_text().split()) for h in page.query("article h2")]
    assert headings == [
        "Payment: €30.00 refunded in part: €12.34", "Refund: €12.34", "Payment: €20.00",
    ]  # fmt: skip
    receipt = person.open(page.links("Receipt, to print")[1])
    assert receipt.heading == "Receipt of a refund"
    assert "Paid <too> much" in receipt.text("dl")
    assert person.open(receipt.links(payment["id"])[0]).heading == "Receipt"
    admin.pay(booked, 1234)
    assert "€0.00 paid" in person.open(page.url).text("dl")
    assert "€0.00 paid" in surfer(admin).open(page.url).text("dl")


def test_payments_of_others_are_not_found(
    doctor: Client, patient: Client, new_patient: People, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    payment = admin.pay(booked, 3000)
    for reader, status in ((new_patient(), 404), (doctor, 403)):
        person = surfer(reader)
        assert person.open(f"/consultations/{booked['id']}/payments").status == status
        assert person.open(f"/payments/{payment['id']}").status == status
    assert not person.open(f"/consultations/{booked['id']}").links("Payments")


# All of them


@pytest.mark.parametrize("address", [
    "/account", "/account/profile", "/account/notifications", "/account/password",
    "/account/email", "/account/sessions", "/account/second-factor", CONFIRM, ENROL, REMOVE,
    "/account/second-factor/codes", "/account/access-log", "/account/export", "/account/close",
    "/account/calendar", "/account/calendar/revoke",
])  # fmt: skip
def test_page_of_the_account_requires_a_log_in(patient: Client, address: str) -> None:
    page = Surfer(patient.url).open(address)
    assert page.url.startswith(patient.url + "/log-in?next=%2Faccount") or address == ENROL
