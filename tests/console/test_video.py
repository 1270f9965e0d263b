"""The way from the console to the video of a consultation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from justhtml import JustHTML
from werkzeug.datastructures import Headers

from api import config
from api.app import create_app
from console import rest
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client
from tests.support.pages import POLICY, Surfer
from tests.support.server import JITSI, Server, environment, serve

HTML = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
PATH = "/consultations/00000000-0000-4000-8000-000000000000/join"
TOKEN = "a.secret.token"


def policy(site: str) -> str:
    """The policy of the page that leads to a meeting."""
    return POLICY.replace("form-action 'self'", f"form-action 'self' {site}")


@pytest.fixture(scope="module")
def jitsi(
    cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of the same clinic, with Jitsi."""
    log = tmp_path_factory.mktemp("jitsi") / "log"
    url = cluster.url(database, "telemed_api")
    with serve(url, log, WEB_CONCURRENCY="1", **JITSI) as server:
        yield server


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, rest.Answer]:
    """Answers of a stand-in for the API, which a test may change."""
    time = "2027-03-01T09:00:00Z"
    me: dict[str, Any] = {"id": "1", "email": "a@clinic.test", "full_name": "A", "role": "patient"}
    me |= {"language": "en", "time_zone": "UTC", "email_verified_at": time}
    consultation = {"id": PATH.split("/")[2], "status": "scheduled", "starts_at": time}
    link = {"provider": "livekit", "url": "wss://video.clinic.test", "token": TOKEN}
    found = {
        "GET /v1/me": me,
        f"GET /v1{PATH.removesuffix('/join')}": consultation | {"doctor_name": "Dr. D"},
        f"POST /v1{PATH}": link,
    }
    answers = {call: rest.Answer(200, Headers(), "", body) for call, body in found.items()}
    monkeypatch.setattr(rest, "send", lambda method, path, **_: answers[f"{method} {path}"])
    return answers


def browser(**settings: str) -> FlaskClient:
    """A browser of a logged-in patient, of an application in this process."""
    given = environment("postgresql://telemed_api@127.0.0.1:1/none") | settings
    client = create_app(config.load(given)).test_client()
    client.set_cookie("telemed_access", "a token")
    return client


def document(text: str) -> JustHTML:
    return JustHTML(text, sanitize=False)


def form_of(client: FlaskClient) -> dict[str, str]:
    page = document(client.get(PATH, headers=HTML).text)
    return {f.attrs["name"]: f.attrs["value"] for f in page.query("main form input")}


def test_patient_and_doctor_are_led_to_the_meeting_and_no_page_has_the_token(
    doctor: Client, patient: Client, jitsi: Server
) -> None:
    booked = patient.book(doctor.publish())
    path = f"/consultations/{booked['id']}"
    rooms = set()
    for client in (patient, doctor):
        person = Surfer(jitsi.url)
        person.policies.add(policy("https://meet.clinic.test:8443"))
        person.log_in(client.email, PASSWORD)
        person.open(path)
        page = person.follow("Join the video")
        form = page.form(f"{path}/join")
        there = person.session.post(
            f"{jitsi.url}{path}/join", data=form, allow_redirects=False, timeout=60
        )
        assert there.status_code == 303
        assert there.headers["Cache-Control"] == "no-store"
        meeting = urlsplit(there.headers["Location"])
        assert (meeting.scheme, meeting.netloc) == ("https", "meet.clinic.test:8443")
        (token,) = parse_qs(meeting.query)["jwt"]
        rooms.add(meeting.path)
        assert token.count(".") == 2
        assert token not in person.open(path).answer.text + person.open(f"{path}/join").answer.text
        assert there.headers["X-Request-Id"] in jitsi.output
        assert token.rpartition(".")[2] not in jitsi.output
    assert len(rooms) == 1


def test_other_patient_is_not_led_to_the_meeting(
    doctor: Client, patient: Client, new_patient: Any, jitsi: Server
) -> None:
    booked = patient.book(doctor.publish())
    path = f"/consultations/{booked['id']}/join"
    person, other = Surfer(jitsi.url), Surfer(jitsi.url)
    for surfer, client in ((person, patient), (other, new_patient())):
        surfer.policies.add(policy("https://meet.clinic.test:8443"))
        surfer.log_in(client.email, PASSWORD)
    assert other.open(path).status == 404
    form = other.open("/preferences").form("/preferences")
    assert other.send_again(path, {"form_token": form["form_token"]}).status == 404
    assert person.open(path).status == 200


def test_livekit_opens_in_the_web_page_of_the_clinic(answers: dict[str, rest.Answer]) -> None:
    client = browser(LIVEKIT_WEB_URL="https://meet.clinic.test/custom")
    page = client.get(PATH, headers=HTML)
    assert page.headers["Content-Security-Policy"] == policy("https://meet.clinic.test")
    there = client.post(PATH, data=form_of(client), headers=HTML)
    meeting = urlsplit(there.headers["Location"])
    assert meeting.geturl().startswith("https://meet.clinic.test/custom?")
    assert parse_qs(meeting.query) == {"liveKitUrl": ["wss://video.clinic.test"], "token": [TOKEN]}
    assert TOKEN not in page.text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({}, "does not open in a browser"), ({"VIDEO_PROVIDER": "none"}, "no consultations by video")],
)
def test_video_without_a_page_of_its_own_is_not_offered(
    answers: dict[str, rest.Answer], settings: dict[str, str], sentence: str
) -> None:
    page = browser(**settings).get(PATH, headers=HTML)
    assert page.headers["Content-Security-Policy"] == POLICY
    assert sentence in page.text
    assert not document(page.text).query("main form")


@pytest.mark.parametrize(
    ("opens", "closes", "sentence"),
    [
        ("2999-03-01T08:45:00Z", "2999-03-01T10:00:00Z", "The room opens:"),
        ("2020-03-01T08:45:00Z", "2020-03-01T10:00:00Z", "The room has closed:"),
    ],
)
def test_room_that_is_not_open_says_when_it_is(
    answers: dict[str, rest.Answer], opens: str, closes: str, sentence: str
) -> None:
    client = browser(**JITSI)
    form = form_of(client)
    body = {"status": 409, "code": "TM940", "detail": "", "opens_at": opens, "closes_at": closes}
    answers[f"POST /v1{PATH}"] = rest.Answer(409, Headers(), "", body)
    page = client.post(PATH, data=form, headers=HTML)
    assert page.status_code == 409
    shown = " ".join(document(page.text).query("main")[0].to_text().split())
    assert "The video of this consultation is not open at this time." in shown
    assert sentence in shown
    assert ("(UTC, UTC+00:00)" in shown) is True
    assert bool(document(page.text).query("main form")) == (sentence == "The room opens:")


def test_join_of_another_site_is_refused(answers: dict[str, rest.Answer]) -> None:
    client = browser(**JITSI)
    headers = HTML | {"Sec-Fetch-Site": "cross-site"}
    assert client.post(PATH, data=form_of(client), headers=headers).status_code == 403
    assert client.post(PATH, headers=HTML).status_code == 403
