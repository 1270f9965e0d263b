"""The account: profile, notifications, access log, export, and the end of the account."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.texts import mark
from console.visit import LogInRequired, Refused

READS_OF_PAGE = 30
CONSULTATIONS_NAMED = 200
PROFILE = ("full_name", "phone", "date_of_birth")
CHANNELS = ("by_email", "by_sms")
NOTIFICATIONS = {
    "booked": mark("A consultation is booked"),
    "rescheduled": mark("A consultation has a new time"),
    "cancelled": mark("A consultation is cancelled"),
    "reminder": mark("Reminders before a consultation"),
    "prescription": mark("A prescription is issued"),
    "payment": mark("A payment or a refund is recorded"),
}
# What somebody did, by the function of the database (app.record_read, ops).
READS = {
    "act_as": mark("Opened your account in the database"),
    "activate_user": mark("Activated your account again"),
    "attendance": mark("Read who had joined the video consultation"),
    "cancel_consultation": mark("Cancelled the consultation"),
    "change_role": mark("Changed the role of your account"),
    "complete_consultation": mark("Completed the consultation"),
    "consultation_history": mark("Read the history of the consultation"),
    "deactivate_user": mark("Deactivated your account"),
    "export_my_data": mark("Downloaded all your data"),
    "get_consultation": mark("Read the consultation"),
    "get_consultation_calendar": mark("Took the consultation into a calendar"),
    "get_payment": mark("Read a payment"),
    "get_prescription": mark("Read a prescription"),
    "get_user": mark("Read your account"),
    "join_consultation": mark("Joined the video consultation"),
    "list_audit_logs": mark("Read what was changed, and by whom"),
    "list_consultations": mark("Read a list with your consultations"),
    "list_events": mark("Read what has happened at the clinic"),
    "list_payments": mark("Read the payments"),
    "list_prescriptions": mark("Read the prescriptions"),
    "list_users": mark("Read a list of accounts with yours"),
    "my_access_log": mark("Read this list"),
    "my_schedule": mark("Read a schedule with your consultations"),
    "refund_payment": mark("Refunded a payment"),
    "row_history": mark("Read what was changed, and by whom"),
    "undelivered_messages": mark("Looked for messages to you that did not arrive"),
}
OWN_READS = ("my_access_log", "export_my_data")


def add_to(blp: Blueprint) -> None:
    """Add the pages of the account."""
    both = ["GET", "POST"]
    blp.add_url_rule("/account", "account", account)
    blp.add_url_rule("/account/profile", "profile", profile, methods=both)
    blp.add_url_rule("/account/notifications", "notifications", notifications, methods=both)
    blp.add_url_rule("/account/access-log", "access_log", access_log)
    blp.add_url_rule("/account/export", "export", export)
    blp.add_url_rule("/account/close", "close_account", close_account, methods=both)


def account() -> Response:
    """What the account has, and where it is changed."""
    visit.current().profile()
    return page.render("account.html")


def profile() -> AnyResponse:
    """Name, telephone number and date of birth."""
    visiting = visit.current()
    read = visiting.profile()
    values = {name: read.body[name] for name in PROFILE}
    form = Form(version=read.headers.get("ETag", ""), **values)
    if form.is_sent:
        body = {name: form.optional(name) for name in PROFILE}
        body["full_name"] = form.text("full_name").strip()
        if form.take(visiting.call("PATCH", "/v1/me", body=body, version=form.sent_version)):
            return form.lead_to("account", done="profile-saved")
    return page.render("profile.html", form)


def notifications() -> AnyResponse:
    """Which messages the viewer gets, and how.

    Of a form only what its reader has changed is sent, so that two tabs do not undo each other.
    """
    visiting = visit.current()
    visiting.profile()
    rows = visiting.get("/v1/me/notifications")["items"]
    stored: dict[str, Any] = {row["kind"]: [name for name in CHANNELS if row[name]] for row in rows}
    form = Form(**stored)
    if form.is_sent:
        changes = [change for kind in stored if (change := _change(form, kind))]
        calls = (visiting.call("PATCH", "/v1/me/notifications", body=body) for body in changes)
        if all(map(form.take, calls)):
            return form.lead_to("notifications", done="notifications-saved")
    return page.render("notifications.html", form, stored=stored, names=NOTIFICATIONS)


def _change(form: Form, kind: str) -> dict[str, object]:
    """The change of one kind of notification; empty if there is none."""
    shown = request.form.get(f"{kind}-shown", "").split()
    chosen = form.choices(kind)
    body: dict[str, object] = {
        name: name in chosen for name in CHANNELS if (name in chosen) != (name in shown)
    }
    return {"kind": kind, **body} if body else {}


def access_log() -> Response:
    """Who has read the data of the viewer, the newest read first."""
    visiting = visit.current()
    cursor = request.args.get("cursor", "")
    found = visiting.get("/v1/me/access-log", cursor=cursor, limit=READS_OF_PAGE)
    return page.render(
        "access_log.html",
        found=found,
        cursor=cursor,
        reads=READS,
        own_reads=OWN_READS,
        consultations=_consultations() if found["items"] else {},
    )


def _consultations() -> dict[str, dict[str, Any]]:
    """The newest consultations of the viewer by their ids, to name them."""
    visiting = visit.current()
    if visiting.profile().body["role"] != "patient":  # for others these are not about themselves
        return {}
    rows = visiting.get("/v1/consultations", order="-starts_at", limit=CONSULTATIONS_NAMED)["items"]
    return {row["id"]: row for row in rows}


def export() -> Response:
    """All data of the viewer, as a file."""
    answer = visit.current().call("GET", "/v1/me/export")
    if answer.status != 200:
        raise Refused(answer)
    response = Response(answer.text, content_type=answer.headers["Content-Type"])
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


def close_account() -> AnyResponse:
    """Says what is kept, asks for the password, and closes the account."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        body = {"password": form.text("password")}
        try:
            answer = visiting.call("DELETE", "/v1/me", body=body)
        except LogInRequired:  # a double click: the first one has ended the session
            return form.lead_to("log_in", done="ended-meanwhile")
        if form.take(answer):
            visiting.forget()
            visiting.renew_form_token()
            return form.lead_to("log_in", done="account-closed")
    visiting.profile()
    return page.render("close_account.html", form)
