"""The texts of messages, from worker/templates/<language>/<kind>.txt.

A template has a subject and paragraphs, separated by blank lines. The HTML has the same paragraphs
(worker/templates/layout.html). A language is added by a folder with all templates.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER = Path(__file__).parent / "templates"
DEFAULT = "en"
LANGUAGES = frozenset(path.name for path in FOLDER.iterdir() if path.is_dir())

_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    undefined=StrictUndefined,
    # Text is text; in HTML every value is escaped.
    autoescape=select_autoescape(("html",), default=False),
)


class Texts(NamedTuple):
    """The texts of a message. language: the folder that they come from."""

    language: str
    subject: str
    text: str
    html: str


def texts_of(message: Mapping[str, Any], *, clinic: str, web_url: str) -> Texts:
    """The texts of a row of work.claim_message.

    clinic: the name of the clinic. web_url: the address of its application; empty if it has none.
    """
    locale = locale_of(message["language"])
    zone = zone_named(message["time_zone"])
    starts_at, happened_at = message["starts_at"], message["happened_at"]
    values = {
        "name": message["full_name"],
        "is_doctor": message["is_doctor"],
        "is_optional": message["is_optional"],
        "doctor": message["doctor_name"],
        "token": message["token"],
        "when": starts_at and long_time(starts_at, zone, locale),
        "when_short": starts_at and short_time(starts_at, zone, locale),
        "happened": long_time(happened_at, zone, locale),
        "clinic": clinic,
        "web_url": web_url.rstrip("/"),
    }
    rendered = _templates.get_template(f"{locale.language}/{message['kind']}.txt").render(values)
    subject, *paragraphs = filter(None, (p.strip() for p in re.split(r"\n\s*\n", rendered)))
    html = _templates.get_template("layout.html").render(
        language=locale.language, subject=subject, paragraphs=paragraphs
    )
    return Texts(locale.language, subject, "\n\n".join(paragraphs) + "\n", html)


@lru_cache
def locale_of(tag: str | None) -> Locale:
    """The locale of a language tag such as es-MX; English where there are no templates."""
    language = (tag or DEFAULT).partition("-")[0]
    if tag and language in LANGUAGES:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            return Locale(language)
    return Locale(DEFAULT)


@lru_cache
def zone_named(name: str) -> ZoneInfo:
    """The time zone; UTC if Python does not know one that PostgreSQL does."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def long_time(instant: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Day, time and time zone in full, with its IANA name and its offset."""
    local = instant.astimezone(zone)
    day = format_date(local, "full", locale=locale)
    time = format_time(local, "short", locale=locale)
    name = get_timezone_name(local, "long", locale=locale)
    return f"{day}, {time}, {name} ({zone.key}, {offset_of(local)})"


def short_time(instant: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Day, time and the IANA name of the time zone, for a subject."""
    local = instant.astimezone(zone)
    day = format_date(local, "medium", locale=locale)
    return f"{day}, {format_time(local, 'short', locale=locale)} ({zone.key})"


def offset_of(local: datetime) -> str:
    """The offset from UTC, such as UTC+01:00: it differs between times that clocks show twice."""
    minutes = round((local.replace(tzinfo=UTC) - local.astimezone(UTC)).total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
