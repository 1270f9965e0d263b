"""E-mail: messages in MIME, and their way to an SMTP server.

A connection stays open and serves many messages. It is encrypted, and the certificate is verified:
`smtps` from its first byte, `smtp` by STARTTLS, without which nothing is sent.
`smtp+plaintext` sends in clear, to a server on the same machine only.

The domain of an address is sent in ASCII (IDNA 2008), which every server takes. An address with
other characters before the @ needs a server that offers SMTPUTF8 (RFC 6531).
"""

import contextlib
import queue
import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, default
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import idna

from api.config import Settings
from worker.channels import Delivery, DeliveryError, FolderChannel, Message

PORTS = {"smtps": 465, "smtp": 587, "smtp+plaintext": 25}
OF_SMTP = SMTP.clone(cte_type="7bit")  # every server takes it
# RFC 6531, section 3.6: the headers of such a mail are UTF-8.
OF_SMTPUTF8 = ("SMTPUTF8", "BODY=8BITMIME")
NO_SMTPUTF8 = (
    "the address has other characters than ASCII before the @, and the mail server does not offer"
    " SMTPUTF8 (RFC 6531)"
)
READABLE = default.clone(max_line_length=900)  # texts as they are, for a developer


class SmtpChannel:
    """Sends to the server of SMTP_URL."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.smtp_url)
        self._scheme = url.scheme
        self._host = url.hostname or ""
        self._port = url.port or PORTS[url.scheme]
        self._user = unquote(url.username or "")
        self._password = unquote(url.password or "")
        self._seconds = settings.smtp_timeout_seconds
        self._tls = ssl.create_default_context()
        self._sender = settings.mail_from
        self._idle: queue.LifoQueue[smtplib.SMTP] = queue.LifoQueue()

    def begin(self, message: Message) -> Delivery:
        try:
            mail = mime(message, self._sender, OF_SMTP)
            recipient = with_ascii_domain(message.address)
        except ValueError as error:
            raise DeliveryError(
                f"the address cannot be used: {error}", is_permanent=True
            ) from error
        smtp = self._connection()
        try:
            options = () if recipient.isascii() else OF_SMTPUTF8
            if options and not (smtp.has_extn("smtputf8") and smtp.has_extn("8bitmime")):
                raise DeliveryError(NO_SMTPUTF8, is_permanent=True)
            # A refused sender is a fault of the settings, and hits all messages.
            _require(smtp.mail(parseaddr(self._sender)[1], options))
            _require(smtp.rcpt(recipient), of_message=True)
        except DeliveryError:
            self._idle.put(smtp)
            raise
        except (smtplib.SMTPException, OSError) as error:
            _drop(smtp)
            raise DeliveryError(_described(error)) from error
        return _Envelope(self._idle, smtp, mail.as_bytes())

    def try_connection(self) -> None:
        """Connect, encrypt and log in; nothing is sent. Raises DeliveryError."""
        self._idle.put(self._open())
        self.close()

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                smtp = self._idle.get_nowait()
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
                _drop(smtp)

    def _connection(self) -> smtplib.SMTP:
        """One that is open and answers, or a new one."""
        with contextlib.suppress(queue.Empty):
            while True:
                smtp = self._idle.get_nowait()
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    if smtp.rset()[0] == 250:
                        return smtp
                _drop(smtp)
        return self._open()

    def _open(self) -> smtplib.SMTP:
        # A name for the greeting that takes no look-up.
        name = parseaddr(self._sender)[1].rpartition("@")[2]
        try:
            if self._scheme == "smtps":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._host, self._port, name, timeout=self._seconds, context=self._tls
                )
            else:
                smtp = smtplib.SMTP(self._host, self._port, name, timeout=self._seconds)
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"no connection: {_described(error)}") from error
        try:
            if self._scheme == "smtp":
                smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()
            if self._user:
                smtp.login(self._user, self._password)
        except (smtplib.SMTPException, OSError) as error:
            _drop(smtp)
            raise DeliveryError(f"no connection: {_described(error)}") from error
        return smtp


class _Envelope:
    """The server has accepted sender and recipient."""

    def __init__(
        self, idle: "queue.LifoQueue[smtplib.SMTP]", smtp: smtplib.SMTP, content: bytes
    ) -> None:
        self._idle = idle
        self._smtp = smtp
        self._content = content
        self._broken = False

    def complete(self) -> None:
        try:
            reply = self._smtp.data(self._content)
        except smtplib.SMTPDataError as error:
            reply = (error.smtp_code, _as_bytes(error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            self._broken = True
            raise DeliveryError(_described(error)) from error
        _require(reply, of_message=True)

    def close(self) -> None:
        if self._broken:
            _drop(self._smtp)
        else:
            self._idle.put(self._smtp)


class MailFolder(FolderChannel):
    """Writes each e-mail to a file that mail programs open."""

    def __init__(self, folder: Path, sender: str) -> None:
        super().__init__(folder, ".eml")
        self._sender = sender

    def content(self, message: Message) -> bytes:
        return mime(message, self._sender, READABLE).as_bytes()


def mime(message: Message, sender: str, policy: "EmailPolicy[Any]") -> EmailMessage:
    """The e-mail: a text, the same in HTML, and the calendar file. Raises ValueError."""
    user, _, domain = with_ascii_domain(message.address).rpartition("@")
    mail = EmailMessage(policy=policy if user.isascii() else policy.clone(utf8=True))
    mail["From"] = sender
    mail["To"] = Address(message.name, user, domain)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    # RFC 3834: no answer by a machine, such as an absence notice.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    if message.calendar:
        # RFC 6047, section 2.4: the method of the part is that of the file.
        mail.add_alternative(
            message.calendar.decode(), subtype="calendar", params={"method": message.method}
        )
    # At last: the content takes its headers along.
    mail["Content-Language"] = message.language
    return mail


def with_ascii_domain(address: str) -> str:
    """The address with its domain in ASCII (IDNA 2008). Raises ValueError if it has none."""
    user, _, domain = address.rpartition("@")
    # UTS 46 maps what people type, such as capital letters.
    return f"{user}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"


def _require(reply: tuple[int, bytes], *, of_message: bool = False) -> None:
    """Raise DeliveryError unless the reply is a success; of_message: 5xx is about the message."""
    code, text = reply
    if not 200 <= code < 300:
        said = f"{code} {text.decode(errors='replace')}"
        raise DeliveryError(said, is_permanent=of_message and code >= 500)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode(errors="replace") if isinstance(text, str) else text


def _drop(smtp: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError):
        smtp.close()
