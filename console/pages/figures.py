"""The figures of the clinic over time, as charts with the numbers beside them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from babel.dates import format_date
from babel.numbers import format_currency
from flask import Blueprint, Response
from markupsafe import Markup

from console import charts, page, texts, visit
from console.lists import Filters
from console.page import gettext

DAYS = 30
MOST_POINTS = 400
MOST_BARS = 12
PERIODS = ("day", "week")


class Picture(NamedTuple):
    """A chart with its heading."""

    heading: str
    svg: Markup


def add_to(blp: Blueprint) -> None:
    """Add the page of figures."""
    blp.add_url_rule("/admin/figures", "figures", show_figures)


def show_figures() -> Response:
    """The figures of an interval: all of it, by day or week, by specialty and by doctor."""
    visiting = visit.current()
    visiting.profile()
    today = datetime.now(visiting.zone).date()
    filters = Filters(
        *("from", "to", "bucket"),
        **{"from": (today - timedelta(days=DAYS - 1)).isoformat()},
        to=today.isoformat(),
        bucket=PERIODS[0],
    )
    found = filters.read("/v1/admin/analytics", **filters.days, time_zone=visiting.zone.key)
    pictures = _pictures(found, filters.chosen["bucket"]) if found else []
    return page.render("figures.html", filters.form, figures=found, pictures=pictures)


def _pictures(figures: dict[str, Any], bucket: str) -> list[Picture]:
    locale = page.locale()
    number, percent = partial(texts.number, locale=locale), partial(texts.percent, locale=locale)
    series = _every_period(figures["series"], bucket)
    drawn: list[tuple[str, list[charts.Point], charts.Shown]] = [
        (gettext("Consultations"), _over_time(series, "consultations"), number),
        (gettext("Cancelled consultations"), _over_time(series, "cancelled_consultations"), number),
        (gettext("Utilisation"), _over_time(series, "utilisation"), percent),
    ]
    for money in figures["revenue"]:
        code, unit = money["currency"], 10 ** money["currency_exponent"]
        heading = gettext("Net revenue in %(currency)s", currency=code)
        drawn.append((heading, _revenue(series, code, unit), _in_currency(code)))
    pictures = [Picture(h, charts.columns(h, points, shown)) for h, points, shown in drawn]
    busiest = sorted(figures["by_doctor"], key=lambda row: -(row["utilisation"] or 0))[:MOST_BARS]
    heading = gettext("Utilisation by doctor")
    points = [(row["doctor_name"], row["utilisation"] or 0) for row in busiest]
    pictures.append(Picture(heading, charts.bars(heading, points, percent)))
    return [picture for picture in pictures if picture.svg]


def _every_period(series: list[dict[str, Any]], bucket: str) -> list[tuple[str, dict[str, Any]]]:
    """The periods with their names, also those in which nothing happened."""
    found = {date.fromisoformat(row["starts_on"]): row for row in series}
    if not found:
        return []
    step = timedelta(days=7 if bucket == "week" else 1)
    first, last = min(found), max(found)
    days = [first + n * step for n in range((last - first) // step + 1)]
    if len(days) > MOST_POINTS:  # a chart has no room for all of them
        days = sorted(found)[-MOST_POINTS:]
    return [(format_date(day, "d MMM", locale=page.locale()), found.get(day, {})) for day in days]


def _over_time(series: Sequence[tuple[str, dict[str, Any]]], field: str) -> list[charts.Point]:
    return [(name, row.get(field) or 0) for name, row in series]


def _revenue(
    series: Sequence[tuple[str, dict[str, Any]]], currency: str, unit: int
) -> list[charts.Point]:
    return [
        (
            name,
            sum(m["net_minor"] for m in row.get("revenue", ()) if m["currency"] == currency) / unit,
        )
        for name, row in series
    ]


def _in_currency(code: str) -> Callable[[float], str]:
    return lambda value: str(format_currency(value, code, locale=page.locale()))
