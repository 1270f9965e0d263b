"""The texts of the pages, and times, money and languages as a reader writes them.

The texts of the templates and of the code are English. A language is added by a catalogue,
console/translations/<language>.po, which is read when it is first used.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    format_timedelta,
    get_timezone_name,
)
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from markupsafe import Markup

FOLDER = Path(__file__).parent / "translations"
DEFAULT = "en"
BYTES = ("B", "kB", "MB", "GB", "TB")
LANGUAGES = (DEFAULT, *sorted(path.stem for path in FOLDER.glob("*.po")))


def mark(text: str) -> str:
    """Mark a text for the catalogues. It is translated where it is shown."""
    return text


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts in a language of LANGUAGES."""
    if language == DEFAULT:
        return NullTranslations()
    compiled = io.BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def supported(tag: str) -> str:
    """The language of LANGUAGES for a language tag such as es-MX; English if there is none."""
    language = tag.partition("-")[0]
    return language if language in LANGUAGES else DEFAULT


@cache
def locale_of(tag: str) -> Locale:
    """How the reader of a language tag writes dates: en-GB differs from en."""
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(supported(tag))


def instant(text: str) -> datetime:
    """The instant of a time of the API."""
    return datetime.fromisoformat(text)


def offset_of(local: datetime) -> str:
    """The offset from UTC, such as UTC+01:00: it differs between times that clocks show twice."""
    minutes = round((local.replace(tzinfo=UTC) - local.astimezone(UTC)).total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def long_time(text: str, zone: ZoneInfo, locale: Locale) -> Markup:
    """A <time> with day, time and time zone in full, its IANA name and its offset."""
    local = instant(text).astimezone(zone)
    day = format_date(local, "full", locale=locale)
    time = format_time(local, "short", locale=locale)
    name = get_timezone_name(local, "long", locale=locale)
    shown = f"{day}, {time}, {name} ({zone.key}, {offset_of(local)})"
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def short_time(text: str, zone: ZoneInfo, locale: Locale) -> Markup:
    """A <time> with the time of day and the offset, below a heading that has the day."""
    local = instant(text).astimezone(zone)
    time = format_time(local, "short", locale=locale)
    shown = Markup('{} <small class="zone">{}</small>').format(time, offset_of(local))
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def day_name(day: date, locale: Locale) -> str:
    """A day in full, such as Monday, March 1, 2027."""
    return str(format_date(day, "full", locale=locale))


def moment(text: str, zone: ZoneInfo, locale: Locale) -> Markup:
    """A <time> in a table: day, time to the second and offset."""
    local = instant(text).astimezone(zone)
    day = format_date(local, "medium", locale=locale)
    time = format_time(local, "medium", locale=locale)
    shown = Markup('{}, {} <small class="zone">{}</small>').format(day, time, offset_of(local))
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def day_of(day: date, locale: Locale) -> Markup:
    """A <time> with a day in full."""
    shown = day_name(day, locale)
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), shown)


def date_of(text: str, locale: Locale) -> str:
    """A date of the API without the day of the week, such as February 29, 1980."""
    return str(format_date(date.fromisoformat(text), "long", locale=locale))


def month_of(day: date, locale: Locale) -> str:
    """The month of a day, such as March 2027."""
    return str(format_skeleton("yMMMM", day, locale=locale))


def week_days(locale: Locale) -> list[tuple[str, str]]:
    """(short name, name) of the days of a week, from its first day in this locale on."""
    days = [(locale.first_week_day + number) % 7 for number in range(7)]
    names = locale.days["stand-alone"]
    return [(names["abbreviated"][day], names["wide"][day]) for day in days]


def by_day(
    slots: Iterable[dict[str, Any]], zone: ZoneInfo
) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    """Slots in the order of time, with the day that clocks in `zone` show."""
    present: list[dict[str, Any]] = []
    present_day = None
    for slot in slots:
        day = instant(slot["starts_at"]).astimezone(zone).date()
        if day != present_day and present_day is not None:
            yield present_day, present
            present = []
        present_day = day
        present.append(slot)
    if present_day is not None:
        yield present_day, present


def money(row: dict[str, Any], locale: Locale) -> str:
    """The fee of a row, such as €50.00."""
    return amount(row["fee_minor"], row, locale)


def amount(minor_units: int, row: dict[str, Any], locale: Locale) -> str:
    """An amount in the currency of a row."""
    value = Decimal(minor_units).scaleb(-row["currency_exponent"])
    return str(format_currency(value, row["currency"], locale=locale))


def number(value: float, locale: Locale) -> str:
    """A number, such as 1,234.5."""
    return str(format_decimal(value, locale=locale))


def percent(share: float, locale: Locale) -> str:
    """A share of 1, such as 68.8%."""
    return str(format_percent(round(share, 3), "#,##0.#%", locale=locale))


def duration(seconds: float, locale: Locale) -> str:
    """A length of time in its biggest unit, such as 3 hours."""
    return str(format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=locale))


def size(count: float, locale: Locale) -> str:
    """A number of bytes, such as 12.4 MB."""
    unit = 0
    while count >= 1000 and unit + 1 < len(BYTES):
        count, unit = count / 1000, unit + 1
    return f"{format_decimal(round(count, 1), locale=locale)} {BYTES[unit]}"


def language_name(code: str, locale: Locale) -> str:
    """The name of a language, such as Spanish; its code if it has none."""
    return str(locale.languages.get(code, code))


@cache
def languages(locale: Locale) -> list[tuple[str, str]]:
    """(code, name) of each language with an ISO 639-1 code, by name."""
    pairs = ((code, name) for code, name in locale.languages.items() if len(code) == 2)
    return sorted(pairs, key=lambda pair: pair[1].casefold())


@cache
def weekday_choices(locale: Locale) -> list[tuple[str, str]]:
    """(number, name) of the days of a week: 1 is Monday (ISO 8601), which need not be the first."""
    names = locale.days["stand-alone"]["wide"]
    first = locale.first_week_day
    return [(str(n + 1), names[n]) for n in ((first + shift) % 7 for shift in range(7))]


@cache
def time_zones() -> list[tuple[str, str]]:
    """(value, text) of the time zones that people choose from: IANA names of places, and UTC."""
    regions = (
        *("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/"),
        *("Australia/", "Europe/", "Indian/", "Pacific/"),
    )
    places = sorted(name for name in available_timezones() if name.startswith(regions))
    return [(name, name) for name in ("UTC", *places)]
