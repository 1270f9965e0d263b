"""Servers to which messages leave: SMTP (aiosmtpd), and a gateway that takes JSON."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """What a server has accepted, and how it answers.

    recipients, texts: its answers to addresses and to texts, by a word in them; the default is 250.
    stall: seconds before the answer to a text. drops: close the connection instead of that answer.
    hangs_up: close the connection instead of taking a text.
    on_text: called with the mail, before the answer to its text.
    """

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    log_ins: list[bytes] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    stall: float = 0.0
    drops: bool = False
    hangs_up: bool = False
    on_text: Callable[[EmailMessage], None] | None = None

    @property
    def connections(self) -> int:
        """How many connections have brought a mail."""
        return len({id(session) for session in self.sessions})

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answers = [answer for word, answer in self.recipients.items() if word in address]
        if not answers:
            envelope.rcpt_tos.append(address)
        return answers[0] if answers else "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        answers = [answer for word, answer in self.texts.items() if word.encode() in content]
        if answers:
            return answers[0]
        if self.hangs_up and server.transport:
            server.transport.abort()
            return "421 hung up"
        if self.stall:
            await asyncio.sleep(self.stall)
        if self.on_text:
            await asyncio.to_thread(self.on_text, mail)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        self.sessions.append(session)
        if self.drops and server.transport:
            server.transport.abort()
        return "250 accepted"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.log_ins.append(data.login)
        return AuthResult(success=data.password == b"p@ss word")


@contextmanager
def smtp_server(
    mailbox: Mailbox,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: bool = True,
    auth: bool = False,
    smtputf8: bool = True,
) -> Iterator[int]:
    """A server on 127.0.0.1; its port. tls: STARTTLS with it, or TLS from the first byte."""
    settings: dict[str, Any] = {"enable_SMTPUTF8": smtputf8}
    if tls and starttls:
        settings |= {"tls_context": tls, "require_starttls": True}
    if auth:
        settings |= {"authenticator": mailbox.authenticate}
        settings |= {"auth_require_tls": starttls}
    controller = Controller(
        mailbox,
        "127.0.0.1",
        0,
        ready_timeout=10,
        server_hostname="localhost",
        ssl_context=None if starttls else tls,
        **settings,
    )
    with _port_of(controller) as port:
        yield port


@contextmanager
def _port_of(controller: Controller) -> Iterator[int]:
    # A port that is free now; the controller asks for a number.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@dataclass
class Gateway:
    """A gateway for SMS: the requests that it got, and the status that it answers with."""

    status: int = 202
    stall: float = 0.0
    location: str = ""
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


@contextmanager
def gateway_server(gateway: Gateway) -> Iterator[str]:
    """A gateway on 127.0.0.1; its address."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.requests.append((self.path, dict(self.headers), json.loads(body)))
            stopped.wait(gateway.stall)
            self.send_response(gateway.status)
            if gateway.location:
                self.send_header("Location", gateway.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sms"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
