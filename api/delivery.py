"""Tokens that somebody has requested, for the log. The worker sends them: docs/messages.md."""

from typing import Protocol, cast

from flask import Flask, current_app, g

from api.config import Settings
from api.logs import log


class Delivery(Protocol):
    """Is told of tokens. It returns at once: the time of an answer must not depend on it."""

    def password_reset(self, email: str, token: str) -> None:
        """The token of a password reset, for the address `email`."""
        ...

    def email_verification(self, email: str, token: str) -> None:
        """A token that verifies the address `email`."""
        ...


class ToLog:
    """Writes tokens to the log, for development and tests."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=True, email=email, token=token)

    def email_verification(self, email: str, token: str) -> None:
        _write("email_verification", delivered=True, email=email, token=token)


class ToNobody:
    """Writes to the log that there was a request, without token and address."""

    def password_reset(self, email: str, token: str) -> None:
        _write("password_reset", delivered=False)

    def email_verification(self, email: str, token: str) -> None:
        _write("email_verification", delivered=False)


def register(app: Flask, settings: Settings) -> None:
    """Choose the delivery of `app`. Only development and tests log tokens."""
    shown = settings.app_env in ("development", "test")
    app.extensions["delivery"] = ToLog() if shown else ToNobody()


def current() -> Delivery:
    """The delivery of the application that handles the present request."""
    return cast(Delivery, current_app.extensions["delivery"])


def _write(kind: str, **more: object) -> None:
    log.info("delivery", kind=kind, request_id=g.get("request_id", ""), **more)
