"""What the viewer logs in with: the password and the e-mail address."""

from flask import Blueprint, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.visit import LogInRequired


def add_to(blp: Blueprint) -> None:
    """Add the pages of the password and the e-mail address."""
    both = ["GET", "POST"]
    blp.add_url_rule("/account/password", "change_password", change_password, methods=both)
    blp.add_url_rule("/account/email", "change_email", change_email, methods=both)


def change_password() -> AnyResponse:
    """A new password. Every other session ends."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        body = {name: form.text(name) for name in ("current_password", "new_password")}
        try:
            answer = visiting.call("POST", "/v1/me/password", body=body)
        except LogInRequired:  # a double click: the first one has ended the session
            return form.lead_to("log_in", done="ended-meanwhile")
        if form.take(answer):
            visiting.begin_session(answer.body)
            visiting.renew_form_token()
            return form.lead_to("account", done="new-password")
    visiting.profile()
    return page.render("change_password.html", form)


def change_email() -> AnyResponse:
    """A new address, to which a message with a code is sent."""
    form, visiting = Form(), visit.current()
    visiting.profile()
    if form.is_sent:
        body = {"email": form.text("email").strip(), "password": form.text("password")}
        if form.take(visiting.call("POST", "/v1/me/email", body=body)):
            following = url_for("console.account")
            return form.lead_to("verify_email", done="sent-to-new-address", next=following)
    return page.render("change_email.html", form)
