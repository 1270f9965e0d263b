"""The session of the console: log-in, cookies, renewal, two tabs, log-out."""

from __future__ import annotations

import json
import uuid

import pytest
import requests

from tests.support.client import PASSWORD, Client, ok, problem, race
from tests.support.pages import Surfer
from tests.support.people import People
from tests.support.second_factor import Protected
from tests.support.server import Server

ACCESS, REFRESH = "telemed_access", "telemed_refresh"


def surfer(client: Client) -> Surfer:
    person = Surfer(client.url)
    assert person.log_in(client.email, PASSWORD).status == 200
    return person


def test_tokens_are_in_cookies_that_scripts_and_other_sites_do_not_get(patient: Client) -> None:
    person = Surfer(patient.url)
    form = person.open("/log-in").form("/log-in")
    data = form | {"email": patient.email, "password": PASSWORD}
    answer = person.session.post(
        patient.url + "/log-in", data=data, allow_redirects=False, timeout=60
    )
    assert answer.status_code == 303
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == [ACCESS, REFRESH, "telemed_form"]
    for cookie in cookies:
        parts = {part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= parts, cookie
        assert not any(part.startswith("Domain") for part in parts)
        assert len(cookie) < 2048
    assert "Max-Age" in cookies[0]
    assert "Max-Age" not in cookies[1]  # until the browser is closed


def test_log_in_replaces_what_somebody_has_planted(patient: Client, new_patient: People) -> None:
    planted = surfer(new_patient())
    person = Surfer(patient.url)
    person.session.cookies.update(planted.session.cookies)
    form = planted.cookie("telemed_form")
    person.log_in(patient.email, PASSWORD)
    assert patient.email in person.open("/").text("footer")
    assert person.cookie("telemed_form") != form
    assert person.cookie(ACCESS) != planted.cookie(ACCESS)


@pytest.mark.parametrize("logs_out", [True, False])
def test_what_a_page_shows_once_is_not_for_the_next_person(
    patient: Client, new_patient: People, logs_out: bool
) -> None:
    person, calendar = surfer(patient), "/account/calendar"
    form = person.open(calendar).form(calendar)
    made = person.session.post(patient.url + calendar, form, allow_redirects=False, timeout=60)
    assert made.status_code == 303
    kept = person.cookie("telemed_once")
    assert "/calendars/" in kept
    if logs_out:
        person.open("/")
        person.send("/log-out")
        assert not person.cookie("telemed_once")
    other = new_patient()
    person.log_in(other.email, PASSWORD)
    assert other.email in person.open(calendar).text("footer")
    assert "/calendars/" not in person.page.answer.text


def test_expired_access_token_is_renewed_unseen(patient: Client) -> None:
    person = surfer(patient)
    for is_known_to_be_expired in (True, False):
        before = person.cookie(REFRESH)
        (cookie,) = [cookie for cookie in person.session.cookies if cookie.name == ACCESS]
        cookie.value = "" if is_known_to_be_expired else "expired"
        assert person.open("/consultations").url == patient.url + "/consultations"
        assert person.cookie(ACCESS).count(".") == 2
        assert person.cookie(REFRESH) not in ("", before)


def test_two_tabs_renew_a_session_at_once(patient: Client) -> None:
    person = surfer(patient)
    cookies = {REFRESH: person.cookie(REFRESH)}
    url, headers = patient.url + "/consultations", {"Accept": "text/html"}

    def tab() -> requests.Response:
        return requests.get(
            url, cookies=cookies, headers=headers, allow_redirects=False, timeout=60
        )

    answers = race([tab] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.cookies[REFRESH] for answer in answers}) == 1
    for answer in answers:
        again = requests.get(url, cookies=answer.cookies.get_dict(), headers=headers, timeout=60)
        assert "My consultations" in again.text


def test_log_out_ends_the_session_at_the_api(patient: Client) -> None:
    person = surfer(patient)
    stolen = patient.holding(person.cookie(ACCESS))
    ok(stolen.get("/v1/me"))
    page = person.send("/log-out")
    assert page.text("[role=status]") == "You are logged out."
    assert not person.cookie(ACCESS)
    assert not person.cookie(REFRESH)
    problem(stolen.get("/v1/me"), 401, "TM102")
    assert person.open("/consultations").url.startswith(patient.url + "/log-in?")


def test_session_that_was_ended_elsewhere_leads_to_the_log_in(patient: Client) -> None:
    person = surfer(patient)
    sessions = ok(patient.get("/v1/me/sessions"))["items"]
    for session in sessions:
        if session["id"] != patient.session_id:
            assert patient.delete(f"/v1/me/sessions/{session['id']}").status_code == 204
    page = person.open("/preferences")
    assert page.url == patient.url + "/log-in?next=%2Fpreferences"
    assert not person.cookie(REFRESH)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "x",
        "//[",
        "/" * 800 + "x",
        "/" + "x" * 800,
    ],
)
def test_log_in_leads_to_no_other_site(patient: Client, address: str) -> None:
    person = Surfer(patient.url)
    person.open("/log-in")
    page = person.send("/log-in", email=patient.email, password=PASSWORD, next=address)
    assert page.url == patient.url + "/"


def test_long_search_of_a_stranger_leads_to_a_log_in_that_servers_take(patient: Client) -> None:
    page = Surfer(patient.url).open("/doctors?q=" + "a+" * 1500)
    assert page.url == patient.url + "/log-in?next=%2Fdoctors"


def test_second_factor_is_asked_for(patient: Client) -> None:
    protected = Protected(patient)
    person = Surfer(patient.url)
    asked = person.log_in(patient.email, PASSWORD)
    assert asked.status == 401
    assert "second factor" in asked.text("[role=alert]")
    assert asked.form("/log-in")["password"] == ""
    wrong = person.send("/log-in", password=PASSWORD, otp=protected.authenticator.wrong())
    assert "code is wrong" in wrong.text("[role=alert]")
    code = protected.authenticator.fresh()
    spaced = f"{code[:3]} {code[3:]}"
    assert person.send("/log-in", password=PASSWORD, otp=spaced).url == patient.url + "/"


def test_patient_signs_up_and_verifies_the_address(server: Server) -> None:
    person = Surfer(server.url)
    email = f"console-{uuid.uuid4().hex}@clinic.test"
    person.open("/sign-up?next=/doctors")
    entries = {"full_name": "Nora New", "email": email, "time_zone": "Pacific/Honolulu"}
    weak = person.send("/sign-up", **entries, password="too short")
    assert weak.status == 422
    assert weak.links(selector="[role=alert] a") == ["#password"]
    (field,) = weak.query("#password")
    assert field.attrs["aria-invalid"] == "true"
    assert weak.query("#" + field.attrs["aria-describedby"])
    assert weak.form("/sign-up")["email"] == email
    assert weak.form("/sign-up")["password"] == ""
    page = person.send("/sign-up", password=PASSWORD)
    assert page.url == server.url + "/verify-email?next=/doctors"
    assert "Pacific/Honolulu" in page.text("footer")
    sent = [json.loads(line) for line in server.output.splitlines() if email in line]
    (token,) = [line["token"] for line in sent if line["event"] == "delivery"]
    refused = person.send("/verify-email", token=token[::-1])
    assert refused.status == 422
    link = f"https://clinic.test/verify-email#token={token}"
    verified = person.send("/verify-email", token=link)
    assert verified.text("[role=status]") == "Your e-mail address is verified."
    assert person.follow("Continue").url == server.url + "/doctors"
    person.send("/log-out")
    person.open("/sign-up")
    again = person.send("/sign-up", **entries, password=PASSWORD)
    assert again.status == 409
    assert again.links("Log in", "main a")


def test_forgotten_password_is_replaced(server: Server, patient: Client) -> None:
    person = Surfer(patient.url)
    person.open("/forgotten-password")
    page = person.send("/forgotten-password", email=patient.email)
    assert "message with a code" in page.text("[role=status]")
    sent = [json.loads(line) for line in server.output.splitlines() if patient.email in line]
    (token,) = [line["token"] for line in sent if line.get("kind") == "password_reset"]
    assert person.send("/reset-password", token=token, new_password="short").status == 422
    new = "violet kettle 83 meadow"
    page = person.send("/reset-password", token=token, new_password=new)
    assert "log in with it" in page.text("[role=status]")
    assert person.log_in(patient.email, new).url == patient.url + "/"


def test_preferences_change_the_zone_of_every_time(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    person = surfer(patient)
    address = f"/doctors/{slot['doctor_id']}/slots/{slot['id']}"
    assert "UTC+00:00" in person.open(address).text("time")
    assert person.page.links("Choose your time zone")
    person.open("/preferences")
    person.send("/preferences", time_zone="Pacific/Honolulu", language="")
    assert person.page.text("[role=status]") == "Your preferences are saved."
    time = person.open(address).query("time")[0]
    assert "Hawaii Time (Pacific/Honolulu, UTC-10:00)" in time.to_text()
    assert time.attrs["datetime"] == slot["starts_at"]


def test_preferences_that_were_changed_elsewhere_are_not_overwritten(patient: Client) -> None:
    person = surfer(patient)
    person.open("/preferences")
    ok(patient.patch("/v1/me", {"time_zone": "Europe/Lisbon", "language": "pt-BR"}))
    refused = person.send("/preferences", time_zone="Asia/Tokyo")
    assert refused.status == 412
    assert "changed meanwhile" in refused.text("[role=alert]")
    # Sent again, it replaces what its reader was told about. A language without pages is kept.
    assert person.send("/preferences", time_zone="Asia/Tokyo", language="pt-BR").status == 200
    assert ok(patient.get("/v1/me"))["time_zone"] == "Asia/Tokyo"
    assert person.page.form("/preferences")["language"] == "pt-BR"
