"""Sign-up, log-in, log-out, and what a user says about the account."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from console import page, pages, rest, visit
from console.forms import Form
from console.rest import Answer


def add_to(blp: Blueprint) -> None:
    """Add the pages of the account."""
    blp.add_url_rule("/sign-up", "sign_up", sign_up, methods=["GET", "POST"])
    blp.add_url_rule("/log-in", "log_in", log_in, methods=["GET", "POST"])
    blp.add_url_rule("/log-out", "log_out", log_out, methods=["GET", "POST"])
    blp.add_url_rule("/preferences", "preferences", preferences, methods=["GET", "POST"])
    blp.add_url_rule("/verify-email", "verify_email", verify_email, methods=["GET", "POST"])
    # Messages name /verify-email and /reset-password: worker/templates.
    blp.add_url_rule(
        "/forgotten-password", "forgotten_password", forgotten_password, methods=["GET", "POST"]
    )
    blp.add_url_rule("/reset-password", "reset_password", reset_password, methods=["GET", "POST"])


def log_in() -> AnyResponse:
    """The log-in, which leads back to the page that required it."""
    form, following = Form(), pages.following()
    if form.is_sent:
        body = {name: form.text(name) for name in ("email", "password")}
        # An authenticator shows a code in two groups.
        if otp := form.optional("otp"):
            body["otp"] = otp.replace(" ", "")
        answer = rest.send("POST", "/v1/auth/login", body=body)
        if form.take(answer):
            _begin(answer)
            return redirect(following, 303)
    needs_code = form.code in ("TM105", "TM106") or "otp" in request.form
    return page.render("log_in.html", form, next=following, asks_for_code=needs_code)


def _begin(answer: Answer) -> None:
    visiting = visit.current()
    visiting.begin_session(answer.body)
    visiting.renew_form_token()


def log_out() -> AnyResponse:
    """Asks, because the address may be opened by mistake; then ends the session at the API."""
    form, visiting = Form(), visit.current()
    if not form.is_sent:
        return page.render("log_out.html", form)
    visiting.end_session()
    visiting.renew_form_token()
    return form.lead_to("log_in", done="logged-out")


def sign_up() -> AnyResponse:
    """A new patient, who is logged in at once."""
    form, following = Form(), pages.following()
    if not form.is_sent:
        return page.render("sign_up.html", form, next=following)
    account = {name: form.text(name) for name in ("full_name", "email", "password")}
    if not form.take(rest.send("POST", "/v1/auth/signup", body=account)):
        return page.render("sign_up.html", form, next=following)
    del account["full_name"]
    began = rest.send("POST", "/v1/auth/login", body=account)
    if began.status != 200:  # such as 429: the account exists, and its owner can log in
        return form.lead_to("log_in", done="signed-up", next=following)
    _begin(began)
    if zone := form.optional("time_zone"):
        # Of a new account, so no other device has changed it. Without it, times are in UTC.
        visit.current().call("PATCH", "/v1/me", body={"time_zone": zone}, version="*")
    return form.lead_to("verify_email", next=following)


def preferences() -> AnyResponse:
    """The time zone and the language of the viewer."""
    visiting = visit.current()
    read = visiting.profile()
    names = ("time_zone", "language")
    form = Form(version=read.headers.get("ETag", ""), **{name: read.body[name] for name in names})
    if form.is_sent:
        body = {name: form.optional(name) for name in names}
        if form.take(visiting.call("PATCH", "/v1/me", body=body, version=form.sent_version)):
            return form.lead_to("preferences", done="saved")
    return page.render("preferences.html", form)


def verify_email() -> AnyResponse:
    """The code of the message that verifies the e-mail address, or another message."""
    form, visiting, following = Form(), visit.current(), pages.following()
    visiting.profile()
    if form.is_sent and "another" in request.args:
        if form.take(visiting.call("POST", "/v1/me/email/verification")):
            return form.lead_to("verify_email", done="sent", next=following)
    elif form.is_sent:
        body = {"token": _code(form)}
        if form.take(visiting.call("POST", "/v1/me/email/verify", body=body)):
            return form.lead_to("verify_email", done="verified", next=following)
    return page.render("verify_email.html", form, next=following)


def _code(form: Form) -> str:
    """The code of a message, of which somebody may have copied the whole link."""
    return form.text("token").strip().rpartition("token=")[2]


def forgotten_password() -> AnyResponse:
    """A message with a code for a new password. The answer tells nobody who has an account."""
    form = Form()
    if form.is_sent:
        body = {"email": form.text("email")}
        if form.take(rest.send("POST", "/v1/auth/password-reset", body=body)):
            return form.lead_to("reset_password", done="reset-sent")
    return page.render("forgotten_password.html", form)


def reset_password() -> AnyResponse:
    """A new password, with the code of the message."""
    form = Form()
    if form.is_sent:
        body = {"token": _code(form), "new_password": form.text("new_password")}
        if form.take(rest.send("POST", "/v1/auth/password-reset/confirm", body=body)):
            return form.lead_to("log_in", done="password-changed")
    return page.render("reset_password.html", form)
