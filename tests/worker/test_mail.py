"""E-mail and SMS: what leaves, and what happens when the other server refuses, stalls or drops."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from api import config
from tests.support.smtp import Gateway, Mailbox, gateway_server, smtp_server
from worker.channels import Channel, Channels, DeliveryError, HttpChannel, Message
from worker.mail import NO_SMTPUTF8, OF_SMTP, SmtpChannel, mime

MESSAGE = Message(
    id="7.booked.0123456789ab",
    address="pat@clinic.test",
    name="Pat O’Neill, Ph.D.",
    language="es",
    subject="Consulta reservada: 5 ene 2027",
    text="Hola:\n\nSu consulta está reservada.\n",
    html="<p>Su consulta está reservada.</p>",
)
# Encoded for a URL: see Mailbox.authenticate.
SECRET = quote("p@ss word")
WRONG = "wrong"
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def to(address: str) -> Message:
    return Message(**{**vars(MESSAGE), "address": address})


def send(channel: Channel, message: Message = MESSAGE) -> None:
    delivery = channel.begin(message)
    try:
        delivery.complete()
    finally:
        delivery.close()


def failure(channel: Channel, message: Message = MESSAGE) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        send(channel, message)
    return raised.value


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def channel_to(stack: ExitStack) -> Callable[..., SmtpChannel]:
    def make(url: str, seconds: str = "2") -> SmtpChannel:
        channel = SmtpChannel(
            config.load({"SMTP_URL": url, "SMTP_TIMEOUT_SECONDS": seconds}, to_serve=False)
        )
        stack.callback(channel.close)
        return channel

    return make


@pytest.fixture
def channel(
    mailbox: Mailbox, stack: ExitStack, channel_to: Callable[..., SmtpChannel]
) -> SmtpChannel:
    port = stack.enter_context(smtp_server(mailbox))
    return channel_to(f"smtp+plaintext://127.0.0.1:{port}", "1")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts, and no other."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def server_side(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_email_has_a_text_the_same_in_html_and_the_calendar(
    mailbox: Mailbox, channel: SmtpChannel
) -> None:
    send(channel, Message(**{**vars(MESSAGE), "calendar": CALENDAR, "method": "REQUEST"}))
    (mail,) = mailbox.mails
    assert mail["From"] == "Telemedicine <telemedicine@localhost>"
    (recipient,) = mail["To"].addresses
    assert (recipient.display_name, recipient.addr_spec) == (MESSAGE.name, MESSAGE.address)
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Message-ID"] == f"<{MESSAGE.id}@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "es"
    assert mail.get_content_type() == "multipart/alternative"
    text, html, calendar = mail.iter_parts()
    assert text.get_content().splitlines() == MESSAGE.text.splitlines()
    assert html.get_content().strip() == MESSAGE.html
    assert calendar.get_content_type() == "text/calendar"
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert calendar.get_payload(decode=True) == CALENDAR


def test_message_id_of_the_longest_kind_stays_in_one_piece() -> None:
    longest = Message(**{**vars(MESSAGE), "id": f"{2**40}.second_factor_changed.0123456789ab"})
    mail = mime(longest, "Clinic <no-reply@mail.clinic.example>", OF_SMTP)
    head = mail.as_bytes().split(b"\r\n\r\n")[0]
    assert f" <{longest.id}@mail.clinic.example>".encode() in head.split(b"\r\n")


def test_delivery_that_is_not_completed_sends_nothing(
    mailbox: Mailbox, channel: SmtpChannel
) -> None:
    channel.begin(MESSAGE).close()
    send(channel, to("next@clinic.test"))
    assert [mail["To"].addresses[0].addr_spec for mail in mailbox.mails] == ["next@clinic.test"]


def test_one_connection_serves_many_messages(mailbox: Mailbox, channel: SmtpChannel) -> None:
    for n in range(20):
        send(channel, to(f"pat{n}@clinic.test"))
    assert len(mailbox.mails) == 20
    assert mailbox.connections == 1


def test_connection_that_was_closed_while_idle_is_replaced(
    mailbox: Mailbox, channel: SmtpChannel
) -> None:
    mailbox.drops = True
    assert not failure(channel).is_permanent
    mailbox.drops = False
    send(channel)
    send(channel)
    assert mailbox.connections == 2


@pytest.mark.parametrize(
    ("answer", "is_permanent"), [("550 5.1.1 no such user", True), ("451 4.7.1 later", False)]
)
def test_refused_recipient_fails_for_good_after_5xx_only(
    mailbox: Mailbox, channel: SmtpChannel, answer: str, is_permanent: bool
) -> None:
    mailbox.recipients["nobody"] = answer
    refused = failure(channel, to("nobody@clinic.test"))
    assert (str(refused), refused.is_permanent) == (answer, is_permanent)
    send(channel)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("answer", "is_permanent"), [("554 5.7.1 rejected", True), ("452 4.2.2 full", False)]
)
def test_refused_text_fails_for_good_after_5xx_only(
    mailbox: Mailbox, channel: SmtpChannel, answer: str, is_permanent: bool
) -> None:
    mailbox.texts["Subject"] = answer
    refused = failure(channel)
    assert (str(refused), refused.is_permanent) == (answer, is_permanent)
    mailbox.texts.clear()
    send(channel)
    assert len(mailbox.mails) == 1


def test_server_that_stalls_is_given_up_in_time(mailbox: Mailbox, channel: SmtpChannel) -> None:
    mailbox.stall = 3
    began = time.monotonic()
    assert not failure(channel).is_permanent
    assert 0.9 < time.monotonic() - began < 2.5


def test_server_that_is_away_is_tried_again(channel_to: Callable[..., SmtpChannel]) -> None:
    refused = failure(channel_to("smtp+plaintext://127.0.0.1:1"))
    assert not refused.is_permanent
    assert "ConnectionRefused" in str(refused)


@pytest.mark.parametrize("smtputf8", [True, False])
@pytest.mark.parametrize(
    ("domain", "in_ascii"),
    [
        ("klinik-münchen.test", "xn--klinik-mnchen-3ob.test"),
        ("Klinik-München.test", "xn--klinik-mnchen-3ob.test"),
        ("straße.test", "xn--strae-oqa.test"),  # not strasse.test, which is somebody else's
        ("clinic_1.test", "clinic_1.test"),
    ],
)
def test_address_with_a_domain_in_another_script_is_reached_in_ascii(
    mailbox: Mailbox,
    stack: ExitStack,
    channel_to: Callable[..., SmtpChannel],
    domain: str,
    in_ascii: str,
    smtputf8: bool,
) -> None:
    port = stack.enter_context(smtp_server(mailbox, smtputf8=smtputf8))
    send(channel_to(f"smtp+plaintext://127.0.0.1:{port}"), to(f"pat@{domain}"))
    (mail,), (envelope,) = mailbox.mails, mailbox.envelopes
    assert mail["To"].addresses[0].addr_spec == f"pat@{in_ascii}"
    assert (envelope.rcpt_tos, envelope.smtp_utf8) == ([f"pat@{in_ascii}"], False)


def test_address_in_another_script_is_reached_through_smtputf8(
    mailbox: Mailbox, channel: SmtpChannel
) -> None:
    send(channel)
    send(channel, to("pät@klinik-münchen.test"))
    send(channel)
    address = "pät@xn--klinik-mnchen-3ob.test"
    assert [envelope.smtp_utf8 for envelope in mailbox.envelopes] == [False, True, False]
    envelope = mailbox.envelopes[1]
    assert envelope.rcpt_tos == [address]
    assert isinstance(envelope.content, bytes)
    assert f"<{address}>".encode() in envelope.content
    assert mailbox.connections == 1


def test_address_in_another_script_fails_for_good_without_smtputf8(
    mailbox: Mailbox, stack: ExitStack, channel_to: Callable[..., SmtpChannel]
) -> None:
    port = stack.enter_context(smtp_server(mailbox, smtputf8=False))
    channel = channel_to(f"smtp+plaintext://127.0.0.1:{port}")
    refused = failure(channel, to("pät@clinic.test"))
    assert (str(refused), refused.is_permanent) == (NO_SMTPUTF8, True)
    send(channel)
    assert [mail["To"].addresses[0].addr_spec for mail in mailbox.mails] == [MESSAGE.address]


@pytest.mark.parametrize("domain", ["-münchen.test", "münchen..test", "ü" * 64 + ".test"])
def test_address_with_an_impossible_domain_fails_for_good(
    mailbox: Mailbox, channel: SmtpChannel, domain: str
) -> None:
    refused = failure(channel, to(f"pat@{domain}"))
    assert "cannot be used" in str(refused)
    assert refused.is_permanent
    assert mailbox.mails == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_verified_server_gets_the_log_in_and_the_message(
    scheme: str,
    mailbox: Mailbox,
    stack: ExitStack,
    authority: trustme.CA,
    channel_to: Callable[..., SmtpChannel],
) -> None:
    tls = server_side(authority, "localhost")
    port = stack.enter_context(smtp_server(mailbox, tls=tls, starttls=scheme == "smtp", auth=True))
    send(channel_to(f"{scheme}://clinic:{SECRET}@localhost:{port}"))
    assert len(mailbox.mails) == 1
    assert mailbox.log_ins == [b"clinic"]
    wrong = failure(channel_to(f"{scheme}://clinic:{WRONG}@localhost:{port}"))
    assert not wrong.is_permanent
    assert "wrong" not in str(wrong)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("fault", ["another name", "unknown authority"])
def test_server_with_a_wrong_certificate_gets_nothing(
    scheme: str,
    fault: str,
    mailbox: Mailbox,
    stack: ExitStack,
    authority: trustme.CA,
    channel_to: Callable[..., SmtpChannel],
) -> None:
    tls = (
        server_side(authority, "mail.example")
        if fault == "another name"
        else server_side(trustme.CA(), "localhost")
    )
    port = stack.enter_context(smtp_server(mailbox, tls=tls, starttls=scheme == "smtp", auth=True))
    refused = failure(channel_to(f"{scheme}://clinic:{SECRET}@localhost:{port}"))
    assert "certificate verify failed" in str(refused)
    assert not refused.is_permanent
    assert (mailbox.mails, mailbox.log_ins) == ([], [])


def test_server_without_starttls_gets_nothing(
    mailbox: Mailbox, stack: ExitStack, channel_to: Callable[..., SmtpChannel]
) -> None:
    port = stack.enter_context(smtp_server(mailbox))
    refused = failure(channel_to(f"smtp://127.0.0.1:{port}"))
    assert "STARTTLS" in str(refused)
    assert mailbox.mails == []


# SMS and other gateways


def test_gateway_gets_the_message_with_its_token(stack: ExitStack) -> None:
    gateway = Gateway()
    channel = HttpChannel(stack.enter_context(gateway_server(gateway)) + "?a=b", "tok", 2)
    send(channel, to("+49 30 901820"))
    ((path, headers, body),) = gateway.requests
    assert path == "/sms?a=b"
    assert headers["Authorization"] == "Bearer tok"
    assert headers["Idempotency-Key"] == MESSAGE.id
    assert body == {
        "id": MESSAGE.id,
        "to": "+49 30 901820",
        "text": MESSAGE.subject,
        "language": "es",
    }


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [(503, False), (429, False), (400, True), (401, True), (302, True)],
)
def test_gateway_that_refuses_fails_for_good_unless_it_may_accept_later(
    stack: ExitStack, status: int, is_permanent: bool
) -> None:
    gateway, other = Gateway(status), Gateway()
    gateway.location = stack.enter_context(gateway_server(other))
    refused = failure(HttpChannel(stack.enter_context(gateway_server(gateway)), "tok", 2))
    assert (str(refused), refused.is_permanent) == (
        f"the gateway answered {status}",
        is_permanent,
    )
    assert other.requests == []


def test_gateway_that_stalls_or_is_away_is_tried_again(stack: ExitStack) -> None:
    url = stack.enter_context(gateway_server(Gateway(stall=3)))
    began = time.monotonic()
    assert not failure(HttpChannel(url, "tok", 1)).is_permanent
    assert time.monotonic() - began < 2.5
    assert not failure(HttpChannel("http://127.0.0.1:1", "tok", 1)).is_permanent


def test_delivery_to_the_gateway_that_is_not_completed_sends_nothing(stack: ExitStack) -> None:
    gateway = Gateway()
    HttpChannel(stack.enter_context(gateway_server(gateway)), "tok", 2).begin(MESSAGE).close()
    assert gateway.requests == []


# Without servers


def test_development_keeps_messages_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mail"
    channels = Channels(
        config.load({"APP_ENV": "development", "MAIL_FOLDER": str(folder)}, to_serve=False)
    )
    for _attempt in range(2):
        send(channels.named("email"))
        send(channels.named("sms"), to("+49 30/901820"))
    channels.named("email").begin(to("never@clinic.test")).close()
    send(channels.named("email"), to("pät@clinic.test"))
    (letter,) = folder.glob("*pät*.eml")
    assert "<pät@clinic.test>" in letter.read_text()
    letter.unlink()
    assert {path.name for path in folder.iterdir()} == {
        "7.booked.0123456789ab-pat@clinic.test.eml",
        "7.booked.0123456789ab-+49_30_901820.sms.txt",
    }
    (mail,) = folder.glob("*.eml")
    assert "Su consulta está reservada." in mail.read_text()
    assert mail.stat().st_mode & 0o77 == folder.stat().st_mode & 0o77 == 0


def test_production_without_servers_fails_and_says_which_setting_is_missing() -> None:
    channels = Channels(config.load({"APP_ENV": "production"}, to_serve=False))
    for name, setting in (("email", "SMTP_URL"), ("sms", "SMS_URL")):
        with pytest.raises(DeliveryError, match=f"{setting} is not set") as raised:
            channels.named(name)
        assert raised.value.is_permanent
