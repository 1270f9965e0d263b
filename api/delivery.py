"""How word gets to people outside of an answer: for now, until there is e-mail, through the log."""

from typing import Protocol, cast

from flask import Flask, current_app, g

from api.config import Settings
from api.logs import log


class Delivery(Protocol):
    """Sends messages. It returns at once, whether it can deliver them or not."""

    def password_reset(self, email: str, token: str) -> None:
        """Tell the owner of an address the token with which they can choose a new password."""
        ...


class ToLog:
    """Shows the message in the log, where a developer reads it: never where others do."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=True, email=email, token=token)


class ToNobody:
    """Says in the log that there was a message, and neither what nor to whom."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=False)


def register(app: Flask, settings: Settings) -> None:
    """Choose how messages are delivered. Whatever is not development or a test is production."""
    shown = settings.app_env in ("development", "test")
    app.extensions["delivery"] = ToLog() if shown else ToNobody()


def current() -> Delivery:
    """The delivery of the application that handles the present request."""
    return cast(Delivery, current_app.extensions["delivery"])


def _write(kind: str, **more: object) -> None:
    log.info("delivery", kind=kind, request_id=g.get("request_id", ""), **more)
