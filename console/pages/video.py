"""Join the video of a consultation.

The token of the video service is in the address that the browser is led to, and on no page of ours:
not in its HTML, and not in its address.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from flask import Blueprint, redirect
from werkzeug.wrappers import Response as AnyResponse

from api import config
from console import page, texts, visit
from console.forms import Form


def add_to(blp: Blueprint) -> None:
    """Add the page of the video."""
    blp.add_url_rule(
        "/consultations/<uuid:consultation_id>/join", "join", join, methods=["GET", "POST"]
    )


def join(consultation_id: UUID) -> AnyResponse:
    """Leads to the meeting, or says when it opens."""
    form, visiting = Form(), visit.current()
    address = f"/v1/consultations/{consultation_id}"
    site = _meeting_site()
    if form.is_sent and site:
        answer = visiting.call("POST", f"{address}/join")
        if form.take(answer):
            return redirect(_meeting(answer.body), 303)
    response = page.render(
        "join.html",
        form,
        consultation=visiting.get(address),
        is_offered=config.current().video_provider != "none",
        has_page=bool(site),
        window=_window(form),
    )
    if site:
        # Browsers apply `form-action` to the redirect, too.
        policy = page.HEADERS["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {site}"
        )
    return response


def _meeting_site() -> str:
    """The origin of the pages of the video service; empty if it has none that a browser opens."""
    settings = config.current()
    page_url = {"jitsi": settings.jitsi_url, "livekit": settings.livekit_web_url}.get(
        settings.video_provider, ""
    )
    parts = urlsplit(page_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _meeting(link: dict[str, str]) -> str:
    """The address of the meeting, with its token: docs/video.md."""
    if link["provider"] == "livekit":
        query = urlencode({"liveKitUrl": link["url"], "token": link["token"]})
        return f"{config.current().livekit_web_url}?{query}"
    return f"{link['url']}?{urlencode({'jwt': link['token']})}"


def _window(form: Form) -> dict[str, Any] | None:
    """When the room opens and closes, if the API has refused because of it."""
    if form.code != "TM940" or form.answer is None:
        return None
    opens, closes = form.answer.body["opens_at"], form.answer.body["closes_at"]
    return {
        "opens_at": opens,
        "closes_at": closes,
        "is_over": texts.instant(closes) <= datetime.now(UTC),
    }
