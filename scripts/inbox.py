"""What the clinic sends to the outside, as `make tour` receives it: e-mails and webhooks."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scripts.system import CommandError

HOST = "127.0.0.1"
CERTIFICATE = "receiver.pem"  # beside the data of `make run`
SECONDS = 60.0  # a worker on a busy computer

T = TypeVar("T")


def new_certificate() -> str:
    """PEM of a key and a certificate for HOST, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The tour of the clinic")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return (private + signed.public_bytes(serialization.Encoding.PEM)).decode()


def authorities(certificate: str) -> str:
    """PEM of the certificates to trust: those trusted so far, and one of new_certificate."""
    paths = ssl.get_default_verify_paths()  # cafile: that of SSL_CERT_FILE, if it is set
    system = Path(paths.cafile or paths.openssl_cafile)
    known = system.read_text() if system.is_file() else ""
    return known + certificate[certificate.index("-----BEGIN CERTIFICATE-----") :]


@dataclass(frozen=True)
class Webhook:
    """One event as it came in. headers: names in lower case."""

    headers: dict[str, str]
    body: bytes

    def event(self, secret: str) -> dict[str, Any]:
        """The event, if its signature is right (Standard Webhooks). Raises CommandError."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        named = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}."
        right = base64.b64encode(hmac.digest(key, named.encode() + self.body, "sha256")).decode()
        signatures = self.headers["webhook-signature"].split()
        if not any(hmac.compare_digest(s, f"v1,{right}") for s in signatures):
            raise CommandError("the signature of a webhook is wrong")
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Inbox:
    """A folder with e-mails, and a receiver of webhooks at `url`."""

    folder: Path
    url: str = ""
    webhooks: list[Webhook] = field(default_factory=list)

    def mail(self, address: str, text: str, *, than: int = 0) -> EmailMessage:
        """Wait for the newest e-mail to an address whose subject contains a text.

        than: how many of these there are already.
        """

        def newest() -> EmailMessage | None:
            found = [
                (path.stat().st_mtime_ns, mail)
                for path in self.folder.glob("*.eml")
                if (mail := message_from_bytes(path.read_bytes(), policy=default))
                and address in str(mail["To"])
                and text in str(mail["Subject"])
            ]
            return max(found, key=lambda pair: pair[0])[1] if len(found) > than else None

        return _awaited(newest, f"an e-mail to {address} about {text!r} should come")

    def events(self, secret: str, consultation: str, count: int) -> list[dict[str, Any]]:
        """Wait for this many events of a consultation, in the order in which they came."""

        def all_of_them() -> list[dict[str, Any]] | None:
            events = [webhook.event(secret) for webhook in list(self.webhooks)]
            found = [event for event in events if consultation in json.dumps(event)]
            return found if len(found) >= count else None

        return _awaited(all_of_them, f"{count} webhooks about a consultation should come")


@contextmanager
def open_inbox(folder: Path, certificate: Path) -> Iterator[Inbox]:
    """An inbox whose receiver has the certificate of a file, until the end of the block."""
    inbox = Inbox(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            inbox.webhooks.append(Webhook(headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        inbox.url = f"https://{HOST}:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()


def calendar_of(mail: EmailMessage) -> dict[str, str]:
    """The lines of the calendar file of an e-mail, unfolded (RFC 5545, section 3.1), by name."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            text = part.get_payload(decode=True)
            lines = text.decode() if isinstance(text, bytes) else str(text)
            return {
                "method of the part": str(part.get_param("method")),
                **_properties(lines),
            }
    raise CommandError("an e-mail should have a calendar file")


def _properties(text: str) -> dict[str, str]:
    unfolded = text.replace("\r\n ", "").replace("\r\n\t", "")
    pairs = (line.partition(":") for line in unfolded.splitlines())
    return {name.partition(";")[0]: value for name, _, value in pairs}


def _awaited(find: Callable[[], T | None], what: str) -> T:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        if (found := find()) is not None:
            return found
        time.sleep(0.1)
    raise CommandError(f"not as it should be: {what}")
