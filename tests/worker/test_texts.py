"""The texts of messages, in each language."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from worker.texts import FOLDER, LANGUAGES, texts_of

KINDS = sorted(path.stem for path in (FOLDER / "en").glob("*.txt") if path.stem != "layout")
ROW: dict[str, Any] = {
    "full_name": "Pat <b>Smith</b>",
    "doctor_name": "Dr. Ana & Co",
    "is_doctor": False,
    "is_optional": True,
    "language": "en",
    "time_zone": "Europe/Berlin",
    "starts_at": datetime(2027, 1, 5, 9, 0, tzinfo=UTC),
    "happened_at": datetime(2027, 1, 4, 23, 30, tzinfo=UTC),
    "token": "a-token_" + "x" * 35,
}


def texts(kind: str, web_url: str = "https://app.clinic.test/", **more: Any) -> Any:
    row = ROW | {"kind": kind} | more
    return texts_of(row, clinic="The Clinic", web_url=web_url)


class _Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str | None] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.found.append(dict(attributes)["href"])


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_every_kind(language: str) -> None:
    assert {path.stem for path in (FOLDER / language).glob("*.txt")} == {*KINDS, "layout"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_text_is_complete_in_every_language(language: str, kind: str) -> None:
    found = set()
    for is_doctor in (False, True):
        for web_url in ("", "https://app.clinic.test"):
            made = texts(kind, web_url, language=language, is_doctor=is_doctor)
            assert made.language == language
            assert "\n" not in made.subject
            assert 5 < len(made.subject) < 90
            assert "None" not in made.subject + made.text
            assert "{" not in made.subject + made.text
            assert ROW["full_name"] in made.text
            assert made.text.endswith("\n\nThe Clinic\n")
            assert (ROW["token"] in made.text) == (kind in ("email_verification", "password_reset"))
            assert f'<html lang="{language}">' in made.html
            assert "b" not in _Links(made.html).tags
            found.add(made.text)
    assert len(found) == {"booked": 4, "rescheduled": 4, "cancelled": 2}.get(kind, len(found))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_text_without_a_name_greets_without_one(language: str) -> None:
    greeting = texts("new_device", language=language, full_name=None).text.partition("\n")[0]
    assert greeting in ("Hello,", "Hola:", "Bonjour,")


def test_languages_do_not_share_a_text() -> None:
    for kind in KINDS:
        made = [texts(kind, language=language).text for language in LANGUAGES]
        assert len(set(made)) == len(LANGUAGES) == 3


@pytest.mark.parametrize(
    ("language", "zone", "when"),
    [
        (
            "en",
            "Europe/Berlin",
            "Tuesday, January 5, 2027, 10:00\u202fAM, Central European Standard Time"
            " (Europe/Berlin, UTC+01:00)",
        ),
        (
            "en-GB",
            "Asia/Kolkata",
            "Tuesday, 5 January 2027, 14:30, India Standard Time (Asia/Kolkata, UTC+05:30)",
        ),
        (
            "es-MX",
            "America/Mexico_City",
            "martes, 5 de enero de 2027, 3:00\u202fa.m., hora estándar central"
            " (America/Mexico_City, UTC-06:00)",
        ),
        (
            "fr",
            "UTC",
            "mardi 5 janvier 2027, 09:00, temps universel coordonné (UTC, UTC+00:00)",
        ),
    ],
)
def test_time_is_that_of_the_recipient_and_names_its_zone(
    language: str, zone: str, when: str
) -> None:
    assert when in texts("booked", language=language, time_zone=zone).text


def test_the_two_times_that_clocks_show_twice_differ() -> None:
    first, second = (
        texts("booked", starts_at=datetime(2027, 10, 31, hour, 30, tzinfo=UTC)).text
        for hour in (0, 1)
    )
    assert "2:30" in first
    assert "2:30" in second
    assert "UTC+02:00" in first
    assert "UTC+01:00" in second


@pytest.mark.parametrize("language", [None, "de", "tlh", "zz-ZZ"])
def test_language_without_templates_gets_english(language: str | None) -> None:
    assert texts("booked", language=language).language == "en"


def test_unknown_time_zone_gets_utc() -> None:
    assert "UTC+00:00" in texts("booked", time_zone="Europe/Atlantis").text


def test_token_is_in_the_fragment_of_a_link_or_else_a_code() -> None:
    token = ROW["token"]
    linked = texts("password_reset")
    url = f"https://app.clinic.test/reset-password#token={token}"
    assert f"\n{url}\n" in linked.text
    assert _Links(linked.html).found == [url]
    assert f"Your code: {token}" in texts("password_reset", web_url="").text


def test_doctor_is_not_told_the_name_of_a_patient() -> None:
    for kind in ("booked", "rescheduled", "cancelled"):
        assert "Ana" not in texts(kind, is_doctor=True).text


def test_only_optional_messages_say_that_they_can_be_refused() -> None:
    assert "You can choose" in texts("booked").text
    assert "You can choose" not in texts("new_device", is_optional=False).text
