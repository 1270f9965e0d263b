"""Messages to people. Until there is e-mail, they are written to the log."""

from typing import Protocol, cast

from flask import Flask, current_app, g

from api.config import Settings
from api.logs import log


class Delivery(Protocol):
    """Sends messages. It returns at once, whether or not the message can be delivered."""

    def password_reset(self, email: str, token: str) -> None:
        """Send the token of a password reset to the address `email`."""
        ...

    def email_verification(self, email: str, token: str) -> None:
        """Send a token that verifies the address `email`."""
        ...


class ToLog:
    """Writes messages to the log, for development and tests."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=True, email=email, token=token)

    def email_verification(self, email: str, token: str) -> None:
        _write("email_verification", delivered=True, email=email, token=token)


class ToNobody:
    """Writes to the log that there was a message, without its text and address."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=False)

    def email_verification(self, email: str, token: str) -> None:
        _write("email_verification", delivered=False)


def register(app: Flask, settings: Settings) -> None:
    """Choose the delivery of `app`. Only development and tests log the text of messages."""
    shown = settings.app_env in ("development", "test")
    app.extensions["delivery"] = ToLog() if shown else ToNobody()


def current() -> Delivery:
    """The delivery of the application that handles the present request."""
    return cast(Delivery, current_app.extensions["delivery"])


def _write(kind: str, **more: object) -> None:
    log.info("delivery", kind=kind, request_id=g.get("request_id", ""), **more)
