"""Users with a second factor, which they set up by the API or at the console."""

from __future__ import annotations

import time

import pyotp
import requests

from api import totp
from tests.support.client import PASSWORD, Client, ok
from tests.support.pages import Page, Surfer

STEP = totp.STEP_SECONDS
ENROL = "/account/second-factor/enrol"
CONFIRM = "/account/second-factor/confirm"


def now_step() -> int:
    return int(time.time()) // STEP


class Authenticator:
    """The authenticator app of a patient."""

    def __init__(self, secret: str) -> None:
        self.totp = pyotp.TOTP(secret)
        self.last = 0

    def fresh(self) -> str:
        """An unused code: of the present time step, then of the next one, which is valid already.

        Either stays valid for at least half a minute.
        """
        self.last = max(self.last + 1, now_step())
        assert self.last <= now_step() + 1, "a test asks for too many codes"
        return self.at(self.last)

    def confirm(self, client: Client) -> list[str]:
        """Confirm the enrolment with the code of the previous time step; returns recovery codes."""
        while True:
            self.last = now_step() - 1
            answer = client.post("/v1/me/mfa/confirm", {"otp": self.at(self.last)})
            if answer.status_code == 200 or self.last == now_step() - 1:
                codes: list[str] = ok(answer)["recovery_codes"]
                return codes

    def at(self, step: int) -> str:
        return self.totp.at(step * STEP)

    def wrong(self) -> str:
        """A code of none of the time steps near the present one."""
        near = {self.at(step) for step in range(now_step() - 5, now_step() + 6)}
        return next(code for code in (f"{n:06}" for n in range(100)) if code not in near)


class Protected:
    """A patient with a second factor."""

    def __init__(self, client: Client) -> None:
        self.client = client
        enrolment = ok(client.post("/v1/me/mfa"), 201)
        self.authenticator = Authenticator(enrolment["secret"])
        self.recovery_codes = self.authenticator.confirm(client)

    def log_in(self, otp: str | None = None, password: str = PASSWORD) -> requests.Response:
        body = {"email": self.client.email, "password": password, "otp": otp}
        return Client(self.client.url, self.client.contract).post("/v1/auth/login", body)

    def remove(self, otp: str) -> requests.Response:
        return self.client.send("DELETE", "/v1/me/mfa", json={"otp": otp})


def enrol(person: Surfer) -> Authenticator:
    """Set up the second factor at the page that has the button, up to the secret."""
    page = person.send(ENROL)
    assert page.query(".qr path")
    return Authenticator(page.text("main code").replace(" ", ""))


def confirm(person: Surfer, authenticator: Authenticator) -> Page:
    """Send the code of the previous time step, so that the present one is not used yet."""
    while True:
        authenticator.last = now_step() - 1
        page = person.send(CONFIRM, otp=authenticator.at(authenticator.last))
        if page.status == 200 or authenticator.last == now_step() - 1:
            return page
