"""The present visit: the session of a browser, kept in cookies that no script can read.

The cookies have the tokens of the REST API. They are those of the user, so they need neither
encryption nor a signature: the API verifies them at each call.
"""

import hmac
import secrets
from http import HTTPStatus
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, Response, abort, g, request

from api import config
from console import rest, texts
from console.rest import Answer

ACCESS, REFRESH, FORM = "telemed_access", "telemed_refresh", "telemed_form"
# What the user has written so far: lists that a replica answers have to have it (docs/rest.md).
POSITION, READ_AFTER = "telemed_position", "Read-After"
# A browser takes this prefix only from this host, over HTTPS and for every path, so that no other
# host of the domain can plant a session (RFC 6265bis, section 4.1.3.2).
HOST_PREFIX = "__Host-"
# What a page shows once, after the form that has made it: an address or codes.
ONCE, ONCE_SECONDS = "telemed_once", 60
# Codes of a session that is over. TM106 is 401 as well: a code of the second factor was wrong.
IS_OVER = ("TM101", "TM102", "TM104")
NEEDS_SECOND_FACTOR = "TM302"
MARGIN_SECONDS = 30  # for which a browser forgets an access token before it expires


class Refused(Exception):  # noqa: N818
    """The REST API has refused a call that the page cannot do without."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class LogInRequired(Exception):  # noqa: N818
    """There is no session, or it is over."""


class Visit:
    """What the present request knows about its browser."""

    def __init__(self) -> None:
        self._was = {name: request.cookies.get(_cookie(name), "") for name in (ACCESS, REFRESH)}
        self._tokens = dict(self._was)
        self._access_seconds = 0
        self._form = request.cookies.get(_cookie(FORM), "")
        self._new_form = False
        self._position = self._old_position = request.cookies.get(_cookie(POSITION), "")
        self._once = self._old_once = request.cookies.get(_cookie(ONCE), "")
        self._me: Answer | None = None
        self._zone: ZoneInfo | None = None

    @property
    def has_session(self) -> bool:
        """Whether the browser has a token. The API may still refuse it."""
        return bool(self._tokens[ACCESS] or self._tokens[REFRESH])

    def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, object] | None = None,
        body: object = None,
        key: str = "",
        version: str = "",
    ) -> Answer:
        """Call the REST API for the user of this visit.

        key: Idempotency-Key. version: If-Match. An expired access token is renewed, and the call
        is then sent again. Raises LogInRequired without a session, and Refused if the session
        cannot be renewed now or lacks a second factor that the role requires.
        """
        headers = {"Idempotency-Key": key} if key else {}
        if version:
            headers["If-Match"] = version
        if not self._tokens[ACCESS]:
            self._refresh()
        answer = self._send(method, path, query, body, headers)
        if answer.code == "TM101":
            self._refresh()
            answer = self._send(method, path, query, body, headers)
        if answer.code in IS_OVER:
            self.forget()
            raise LogInRequired
        if answer.code == NEEDS_SECOND_FACTOR:
            raise Refused(answer)
        return answer

    def get(self, path: str, **query: object) -> Any:
        """The JSON of a resource. Raises LogInRequired or Refused."""
        return self.read(path, **query).body

    def read(self, path: str, **query: object) -> Answer:
        """A resource with its headers, such as its ETag. Raises LogInRequired or Refused."""
        answer = self.call("GET", path, query={key.rstrip("_"): v for key, v in query.items()})
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(answer)
        return answer

    def profile(self) -> Answer:
        """The answer to GET /v1/me, read once. Raises LogInRequired or Refused."""
        if self._me is None:
            answer = self.call("GET", "/v1/me")
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise Refused(answer)
            self._me = answer
        return self._me

    def require_role(self, role: str) -> None:
        """Show viewers of another role that they cannot do this (403).

        For a page that shows something before its first call of the API: the API decides who may
        do it.
        """
        if self.profile().body["role"] != role:
            abort(HTTPStatus.FORBIDDEN)

    @property
    def me(self) -> dict[str, Any] | None:
        """The profile as far as this request has read it; None for a stranger."""
        return self._me.body if self._me else None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the viewer: that of the profile, for a doctor that of the practice."""
        if self._zone is None:
            me = self.profile().body
            name = me["time_zone"]
            if not name and me["role"] == "doctor":
                name = self._zone_of_practice(me["id"])
            try:
                self._zone = ZoneInfo(name or "UTC")
            except (ZoneInfoNotFoundError, ValueError):
                self._zone = ZoneInfo("UTC")
        return self._zone

    def _zone_of_practice(self, doctor_id: str) -> str | None:
        try:
            return str(self.get(f"/v1/doctors/{doctor_id}")["time_zone"])
        except Refused:
            return None

    @property
    def language(self) -> str:
        """The language of the pages: that of the profile, else one that the browser accepts."""
        if self.me and self.me["language"]:
            return texts.supported(self.me["language"])
        # Not best_match, for which en;q=0.5 fits better than fr-CH.
        wanted = (tag.partition("-")[0] for tag in request.accept_languages.values())
        return next((name for name in wanted if name in texts.LANGUAGES), texts.DEFAULT)

    @property
    def form_token(self) -> str:
        """The value that a form sends beside the cookie, of which it is a signature.

        It differs on each page: the length of a compressed page could reveal one that does not.
        """
        if not self._form:
            self.renew_form_token()
        salt = secrets.token_urlsafe(16)
        return f"{salt}.{_signed(self._form, salt)}"

    def renew_form_token(self) -> None:
        """Make the forms of earlier pages invalid, as a log-in and a log-out do."""
        self._form, self._new_form = secrets.token_urlsafe(32), True

    def is_form_token(self, given: str) -> bool:
        """Whether a form was made for this browser."""
        salt, _, signature = given.partition(".")
        own = _signed(self._form, salt)
        return bool(self._form) and hmac.compare_digest(
            own.encode(), signature.encode(errors="replace")
        )

    def begin_session(self, tokens: dict[str, Any]) -> None:
        """Keep the tokens of a log-in or a refresh."""
        self._tokens = {ACCESS: tokens["access_token"], REFRESH: tokens["refresh_token"]}
        self._access_seconds = max(1, tokens["expires_in"] - MARGIN_SECONDS)
        self._me, self._once = None, ""  # of somebody else, perhaps

    def forget(self) -> None:
        """Remove the tokens, and what is to be shown once, from the browser."""
        self._tokens = {ACCESS: "", REFRESH: ""}
        self._me, self._once = None, ""

    def end_session(self) -> None:
        """End the session at the API, then forget it. Raises Refused if the API cannot end it."""
        if self.has_session:
            token = self._tokens[REFRESH]
            answer = rest.send(
                "POST",
                "/v1/auth/logout",
                body={"refresh_token": token} if token else {},
                token=self._tokens[ACCESS],
            )
            # 401: there is nothing to end.
            if answer.status >= HTTPStatus.BAD_REQUEST and answer.status != HTTPStatus.UNAUTHORIZED:
                raise Refused(answer)
        self.forget()

    def keep_once(self, page: str, text: str) -> None:
        """Keep a text for the next page, which shows it once: a reload then repeats no form."""
        self._once = f"{page} {text}"

    def take_once(self, page: str) -> str:
        """The text that the form before this page has kept; empty if it was shown already."""
        kept_for, _, text = self._once.partition(" ")
        if kept_for != page:
            return ""
        self._once = ""
        return text

    def save(self, response: Response) -> None:
        """Set the cookies that have changed."""
        for name in (ACCESS, REFRESH):
            value = self._tokens[name]
            if value == self._was[name]:
                continue
            if value:
                _set(response, name, value, self._access_seconds if name == ACCESS else None)
            else:
                _set(response, name, "", 0)
        if self._new_form:
            _set(response, FORM, self._form, None)
        if self._position != self._old_position:
            _set(response, POSITION, self._position, None)
        if self._once != self._old_once:
            _set(response, ONCE, self._once, ONCE_SECONDS if self._once else 0)

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, object] | None,
        body: object,
        headers: dict[str, str],
    ) -> Answer:
        token = self._tokens[ACCESS]
        if self._position:
            headers = headers | {READ_AFTER: self._position}
        answer = rest.send(method, path, query=query, body=body, token=token, headers=headers)
        self._position = answer.headers.get(READ_AFTER) or self._position
        return answer

    def _refresh(self) -> None:
        # Two tabs may send one refresh token at once. The API gives both the present token of the
        # session, for ten seconds: api.refresh_session.
        if not self._tokens[REFRESH]:
            self.forget()
            raise LogInRequired
        body = {"refresh_token": self._tokens[REFRESH]}
        answer = rest.send("POST", "/v1/auth/refresh", body=body)
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY):
            self.forget()
            raise LogInRequired
        if answer.status >= HTTPStatus.BAD_REQUEST:  # a limit, or a failure that passes
            raise Refused(answer)
        me, once = self._me, self._once
        self.begin_session(answer.body)
        self._me, self._once = me, once


def current() -> Visit:
    """The visit of the present request."""
    if "visit" not in g:
        g.visit = Visit()
    return cast(Visit, g.visit)


def register(app: Flask) -> None:
    """Save the visits of the requests of `app`."""

    def save(response: Response) -> Response:
        if "visit" in g:
            current().save(response)
        return response

    app.after_request(save)


def _signed(key: str, salt: str) -> str:
    return hmac.digest(key.encode(), salt.encode(errors="replace"), "sha256").hex()


def _is_secure() -> bool:
    # Not the scheme of the request, which a proxy changes. Development is plain HTTP.
    return config.current().app_env == "production"


def _cookie(name: str) -> str:
    return HOST_PREFIX + name if _is_secure() else name


def _set(response: Response, name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        _cookie(name),
        value,
        max_age=max_age,
        path="/",
        secure=_is_secure(),
        httponly=True,
        samesite="Lax",
    )
