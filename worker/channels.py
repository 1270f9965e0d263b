"""How a message leaves: one interface for e-mail, SMS and files.

A message leaves in two steps, because the last check of the database stands between them (see
worker.tasks.messages): `begin` reaches the other server, `complete` hands the message over. What
was not completed is not sent.
"""

import http.client
import json
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from api.config import Settings

TOO_SOON = (408, 425, 429)  # HTTP: the same request may succeed later


@dataclass(frozen=True)
class Message:
    """A message that is ready to leave.

    id: the same in every attempt, so that a repeat can be recognised. name: of the recipient, or
    empty. language: the BCP 47 tag of the texts. calendar, method: a calendar file and its method
    (RFC 5546), or empty.
    """

    id: str
    address: str
    name: str
    language: str
    subject: str
    text: str
    html: str
    calendar: bytes = b""
    method: str = ""


class DeliveryError(Exception):
    """The message was not accepted, or it is unknown whether it was.

    is_permanent: another attempt would get the same answer.
    """

    def __init__(self, text: str, *, is_permanent: bool = False) -> None:
        super().__init__(text)
        self.is_permanent = is_permanent


class Delivery(Protocol):
    """A message on its way."""

    def complete(self) -> None:
        """Hand the message over. Raises DeliveryError."""
        ...

    def close(self) -> None:
        """End the delivery, completed or not."""
        ...


class Channel(Protocol):
    """A way to send messages. Its methods block, and may be called in several threads."""

    def begin(self, message: Message) -> Delivery:
        """Do everything but hand the message over. Raises DeliveryError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class HttpChannel:
    """Sends by a POST of JSON with a bearer token, as gateways for SMS and push accept it.

    The body has `id`, `to`, `text` and `language`, and the header `Idempotency-Key` the id: a
    gateway that knows it drops a repeat. 2xx is success. 408, 425, 429 and 5xx are tried again, and
    so is a gateway that does not answer. Redirects are not followed: the token is for one server.
    """

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._url = urlsplit(url)
        self._token = token
        self._seconds = seconds
        self._tls = ssl.create_default_context()

    def begin(self, message: Message) -> Delivery:
        host, port = self._url.hostname or "", self._url.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=self._seconds, context=self._tls)
            if self._url.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=self._seconds)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise DeliveryError(f"the gateway cannot be reached: {error}") from error
        body = {
            "id": message.id,
            "to": message.address,
            "text": message.subject,
            "language": message.language,
        }
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
        }
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        return _Post(connection, path, json.dumps(body).encode(), headers)

    def close(self) -> None:
        """Nothing stays open."""


@dataclass(frozen=True)
class _Post:
    connection: http.client.HTTPConnection
    path: str
    body: bytes
    headers: dict[str, str]

    def complete(self) -> None:
        try:
            self.connection.request("POST", self.path, self.body, self.headers)
            status = self.connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(f"the gateway did not answer: {error}") from error
        if not 200 <= status < 300:
            again = status >= 500 or status in TOO_SOON
            raise DeliveryError(f"the gateway answered {status}", is_permanent=not again)

    def close(self) -> None:
        self.connection.close()


class FolderChannel:
    """Writes each message to a file, for development and tests. A repeat writes the same file."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder = folder
        self.suffix = suffix

    def begin(self, message: Message) -> Delivery:
        name = re.sub(r"[^\w.@+-]", "_", f"{message.id}-{message.address}")[:200]
        return _File(self.folder / (name + self.suffix), self.content(message))

    def content(self, message: Message) -> bytes:
        """What the file has: an SMS is one line."""
        return f"{message.subject}\n".encode()

    def close(self) -> None:
        """Nothing stays open."""


@dataclass(frozen=True)
class _File:
    path: Path
    content: bytes

    def complete(self) -> None:
        # Messages have tokens: only the developer may read them.
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(self.content)
        draft.replace(self.path)

    def close(self) -> None:
        """Nothing stays open."""


class Channels:
    """The channels of one process, by name: `email` and `sms`."""

    def __init__(self, settings: Settings) -> None:
        from worker import mail  # which needs the names above

        shows_messages = settings.app_env in ("development", "test")
        folder = Path(settings.mail_folder)
        self._by_name: dict[str, Channel] = {}
        if settings.smtp_url:
            self._by_name["email"] = mail.SmtpChannel(settings)
        elif shows_messages:
            self._by_name["email"] = mail.MailFolder(folder, settings.mail_from)
        if settings.sms_url:
            self._by_name["sms"] = HttpChannel(
                settings.sms_url, settings.sms_token, settings.smtp_timeout_seconds
            )
        elif shows_messages:
            self._by_name["sms"] = FolderChannel(folder, ".sms.txt")

    def named(self, name: str) -> Channel:
        """The channel. Raises DeliveryError if the settings have none of this name."""
        if name not in self._by_name:
            setting = {"email": "SMTP_URL", "sms": "SMS_URL"}.get(name, name)
            raise DeliveryError(f"{setting} is not set", is_permanent=True)
        return self._by_name[name]

    def close(self) -> None:
        """Close the connections."""
        for channel in self._by_name.values():
            channel.close()
