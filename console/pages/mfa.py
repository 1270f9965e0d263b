"""The second factor: set it up, confirm it, keep its recovery codes, remove it."""

from flask import Blueprint, Response, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from console import page, pages, visit
from console.forms import Form

ACCOUNT = "/account"  # where the pages lead that were opened from no other page
CODES = "recovery-codes"


def add_to(blp: Blueprint) -> None:
    """Add the pages of the second factor."""
    both = ["GET", "POST"]
    blp.add_url_rule("/account/second-factor", "mfa", show_mfa)
    blp.add_url_rule("/account/second-factor/enrol", "enrol_mfa", enrol_mfa, methods=both)
    blp.add_url_rule("/account/second-factor/confirm", "confirm_mfa", confirm_mfa, methods=both)
    blp.add_url_rule("/account/second-factor/codes", "recovery_codes", recovery_codes)
    blp.add_url_rule("/account/second-factor/remove", "remove_mfa", remove_mfa, methods=both)


def show_mfa() -> Response:
    """Whether the account has a second factor, and what can be done."""
    visit.current().profile()
    return _show("mfa.html", Form())


def _show(template: str, form: Form, **values: object) -> Response:
    # A session that lacks the second factor that its role requires is led here.
    is_required = "required" in request.args
    following = pages.following(ACCOUNT)
    return page.render(template, form, next=following, is_required=is_required, **values)


def enrol_mfa() -> AnyResponse:
    """A new secret, as a text and as a QR code. Opened without a form, it leads to the form."""
    form, visiting = Form(), visit.current()
    if not form.is_sent:
        return form.lead_to("mfa")
    answer = visiting.call("POST", "/v1/me/mfa", body={})
    visiting.profile()
    if not form.take(answer):
        return _show("mfa.html", form)
    # SVG that the API has drawn: paths, without a text of anybody.
    qr_code = Markup(answer.body["qr_svg"])  # noqa: S704
    return _show("confirm_mfa.html", form, enrolment=answer.body, qr_code=qr_code)


def confirm_mfa() -> AnyResponse:
    """The first code of the authenticator, which puts the second factor in force."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        answer = visiting.call("POST", "/v1/me/mfa/confirm", body={"otp": form.text("otp").strip()})
        if form.take(answer):
            visiting.keep_once(CODES, " ".join(answer.body["recovery_codes"]))
            return form.lead_to("recovery_codes", next=pages.following(ACCOUNT))
    visiting.profile()  # after it, because it may change it
    if form.answer and form.answer.status == 409:  # there is one already, or none to confirm
        return _show("mfa.html", form)
    return _show("confirm_mfa.html", form, enrolment=None)


def recovery_codes() -> AnyResponse:
    """The recovery codes, once."""
    visit.current().profile()
    codes = visit.current().take_once(CODES).split()
    return _show("recovery_codes.html", Form(), codes=codes)


def remove_mfa() -> AnyResponse:
    """Asks for a code, and removes the second factor."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        body = {"otp": form.text("otp").strip()}
        if form.take(visiting.call("DELETE", "/v1/me/mfa", body=body)):
            return form.lead_to("mfa", done="factor-removed")
    visiting.profile()
    return _show("remove_mfa.html", form)
