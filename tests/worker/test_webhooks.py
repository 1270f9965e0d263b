"""Webhooks: the worker sends events to receivers on this machine, which the setting allows."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug.http import http_date

from api import public_addresses, webhook_secrets
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import at, new_key
from tests.support.clinic import Clinic, open_clinic
from tests.support.node import node
from tests.support.receiver import HOST, NAME, Received, Receiver, certificate, receiving
from tests.support.server import MFA_KEY, environment
from worker import webhooks

LOCAL = public_addresses.parse([HOST])
NOWHERE = public_addresses.parse([])


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("receiver"))


@pytest.fixture
def receiver(pem: Path) -> Iterator[Receiver]:
    with receiving(pem) as running:
        yield running


@pytest.fixture
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    """A clinic of its own, whose past events have no jobs any more."""
    with open_clinic(cluster, new_database()) as opened:
        opened.rows("delete from procrastinate.procrastinate_jobs")
        yield opened


@pytest.fixture
def trusted(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process trusts the certificate of receivers, as SSL_CERT_FILE makes the worker do."""
    monkeypatch.setattr(webhooks, "_tls", lambda: ssl.create_default_context(cafile=str(pem)))


@contextmanager
def worker(
    clinic: Clinic, pem: Path, log: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A running instance of the worker."""
    url = clinic.cluster.url(clinic.database, "telemed_worker")
    variables = {"WORKER_DATABASE_URL": url, "WEBHOOK_ALLOWED_HOSTS": HOST, **settings}
    with log.open("ab") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "worker"),
            cwd=CHECKOUT,
            env=environment("", SSL_CERT_FILE=str(pem), **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def create(clinic: Clinic, url: str, *types: str) -> tuple[str, str]:
    """A webhook: its id and its secret."""
    secret = webhook_secrets.new()
    row = clinic.call(
        "admin",
        "create_webhook",
        url=url,
        secret=webhook_secrets.encrypt(MFA_KEY, secret),
        event_types=list(types),
    )
    return row["id"], secret


def book(clinic: Clinic, day: int) -> str:
    """The id of a new consultation."""
    slot = clinic.call("doctor", "publish_slot", starts_at=at(day), ends_at=at(day, 10))
    booked = clinic.call(
        "patient", "book_consultation", slot_id=slot["id"], idempotency_key=new_key()
    )
    return str(booked["id"])


def verified(got: Received, secret: str) -> dict[str, Any]:
    """The event, if the published library accepts its signature."""
    event: dict[str, Any] = Webhook(secret).verify(got.body, got.headers)
    return event


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.05)


def statuses(clinic: Clinic) -> list[str]:
    rows = clinic.rows("select status from app.webhook_deliveries order by event_id")
    return [status for (status,) in rows]


# With the running worker


def test_events_of_a_consultation_arrive_signed_and_in_order(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    webhook, secret = create(clinic, receiver.url)
    consultation = book(clinic, 20)
    other = clinic.call("doctor", "publish_slot", starts_at=at(21), ends_at=at(21, 10))
    clinic.call(
        "patient",
        "reschedule_consultation",
        consultation_id=consultation,
        slot_id=other["id"],
        idempotency_key=new_key(),
    )
    clinic.call("patient", "cancel_consultation", consultation_id=consultation)
    with worker(clinic, pem, tmp_path / "log"):
        received = receiver.wait(3)
        wait_until(lambda: statuses(clinic) == ["delivered"] * 3)
    events = [verified(got, secret) for got in received]
    assert [event["type"] for event in events] == [
        "consultation.booked",
        "consultation.rescheduled",
        "consultation.cancelled",
    ]
    assert [event["data"]["sequence_number"] for event in events] == [1, 2, 3]
    assert {event["data"]["consultation_id"] for event in events} == {consultation}
    ids = [event["data"]["event_id"] for event in events]
    assert [got.id for got in received] == [
        f"event_{event_id}_{webhook.replace('-', '')}" for event_id in ids
    ]
    assert [event["data"]["predecessor_id"] for event in events] == [None, *ids[:2]]
    assert len(receiver.received) == 3
    for text in ("reason of patient", "Name of", "@attacked.test"):
        assert not any(text.encode() in got.body for got in received)
    with pytest.raises(WebhookVerificationError):
        verified(received[0], webhook_secrets.new())
    changed = Received(received[0].headers, received[0].body.replace(b"booked", b"cooked"))
    with pytest.raises(WebhookVerificationError):
        verified(changed, secret)


def test_delivery_of_a_killed_worker_arrives_again_under_the_same_id(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    _, secret = create(clinic, receiver.url)
    answered = threading.Event()

    def hold(_got: Received) -> tuple[int, bytes, dict[str, str]]:
        answered.wait(30)
        return 200, b"", {}

    receiver.answer = hold
    consultation = book(clinic, 22)
    clinic.call("patient", "cancel_consultation", consultation_id=consultation)
    with worker(clinic, pem, tmp_path / "log") as process:
        receiver.wait(1)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert statuses(clinic)[0] == "sending"
    answered.set()
    # Instead of waiting for two minutes, and for the end of the lease of the job.
    clinic.rows("update app.webhook_deliveries set lease_ends_at = now() where status = 'sending'")
    clinic.rows("delete from procrastinate.procrastinate_jobs")
    clinic.rows("select work.resume_deliveries()")
    with worker(clinic, pem, tmp_path / "log"):
        received = receiver.wait(3)
        wait_until(lambda: statuses(clinic) == ["delivered"] * 2)
    first, again, second = received
    assert first.id == again.id != second.id
    assert first.body == again.body
    assert verified(again, secret)["type"] == "consultation.booked"
    assert verified(second, secret)["type"] == "consultation.cancelled"
    attempts = clinic.rows("select attempt, status_code from app.webhook_attempts order by id")
    assert attempts == [(1, None), (2, 200), (1, 200)]


def test_new_slots_arrive_at_the_webhook_that_names_them(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    create(clinic, receiver.url + "/all")
    _, secret = create(clinic, receiver.url + "/slots", "slot.opened", "slot.withdrawn")
    weekly = clinic.call(
        "doctor",
        "publish_weekly_slots",
        **{"from": at(30).date(), "to": at(36).date(), "weekdays": [1, 2, 3, 4, 5, 6, 7]},
        start_time="09:00",
        end_time="11:00",
        slot_minutes=30,
        idempotency_key=new_key(),
    )
    slots = [slot["id"] for slot in weekly["items"]]
    clinic.call("doctor", "withdraw_slot", slot_id=slots[0])
    with worker(clinic, pem, tmp_path / "log"):
        received = receiver.wait(len(slots) + 1)
        wait_until(lambda: statuses(clinic) == ["delivered"] * (len(slots) + 1))
    events = sorted(
        (verified(got, secret) for got in received), key=lambda event: event["data"]["event_id"]
    )
    assert [(event["type"], event["data"]["slot_id"]) for event in events] == [
        *(("slot.opened", slot) for slot in slots),
        ("slot.withdrawn", slots[0]),
    ]
    assert len(receiver.received) == len(slots) + 1


def test_two_workers_send_each_event_once(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    create(clinic, receiver.url, "account.created")
    create(clinic, receiver.url + "/other", "account.created")
    clinic.rows(
        "select app.add_event('account.created', p_user_id => %s) from generate_series(1, 40)",
        (clinic.people["patient"].id,),
    )
    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(worker(clinic, pem, tmp_path / f"log{number}"))
        receiver.wait(80)
        wait_until(lambda: statuses(clinic) == ["delivered"] * 80)
    assert len(receiver.received) == len({got.id for got in receiver.received}) == 80


def test_failing_endpoint_is_tried_again_and_then_takes_the_rest_in_order(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    _, secret = create(clinic, receiver.url)
    receiver.answer = lambda _got: (
        (503, b"Not now", {}) if len(receiver.received) < 2 else (200, b"", {})
    )
    consultation = book(clinic, 23)
    clinic.call("patient", "cancel_consultation", consultation_id=consultation)
    with worker(clinic, pem, tmp_path / "log"):
        first, again, second = receiver.wait(3)  # the first wait is 4 to 5 seconds
        wait_until(lambda: statuses(clinic) == ["delivered"] * 2)
    assert (first.id, first.body) == (again.id, again.body)
    assert int(again.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 4
    assert first.headers["webhook-signature"] != again.headers["webhook-signature"]
    assert verified(again, secret)["type"] == "consultation.booked"
    assert verified(second, secret)["type"] == "consultation.cancelled"
    attempts = clinic.rows("select status_code, answer from app.webhook_attempts order by id")
    assert attempts == [(503, "Not now"), (200, None), (200, None)]


def test_endpoint_that_is_gone_is_disabled_and_the_log_says_so(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    webhook, _ = create(clinic, receiver.url)
    receiver.answer = lambda _got: (410, b"", {})
    book(clinic, 24)
    with worker(clinic, pem, tmp_path / "log"):
        receiver.wait(1)
        wait_until(lambda: statuses(clinic) == ["given_up"])
    row = clinic.call("admin", "get_webhook", webhook_id=webhook)
    assert (row["is_enabled"], row["disabled_because"]) == (False, "gone")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    (line,) = [line for line in lines if line["event"] == "webhook"]
    assert (line["level"], line["outcome"], line["webhook_id"]) == ("error", "disabled", webhook)
    assert receiver.url not in (tmp_path / "log").read_text()
    # It can be repaired: what it missed is sent again.
    receiver.answer = lambda _got: (200, b"", {})
    clinic.call("admin", "update_webhook", webhook_id=webhook, is_enabled=True, versions=["*"])
    missed = receiver.received[0]
    clinic.call(
        "admin", "redeliver_webhook", webhook_id=webhook, event_id=int(missed.id.split("_")[1])
    )
    with worker(clinic, pem, tmp_path / "log"):
        assert receiver.wait(2)[1].id == missed.id
        wait_until(lambda: statuses(clinic) == ["delivered"])


def test_ping_is_an_object_that_is_not_empty(
    clinic: Clinic, receiver: Receiver, pem: Path, tmp_path: Path
) -> None:
    webhook, secret = create(clinic, receiver.url)
    ping = clinic.call("admin", "ping_webhook", webhook_id=webhook)
    with worker(clinic, pem, tmp_path / "log"):
        (got,) = receiver.wait(1)
        wait_until(lambda: statuses(clinic) == ["delivered"])
    event = verified(got, secret)
    assert (event["type"], event["data"]) == ("webhook.ping", {"webhook_id": webhook})
    assert got.id == ping["message_id"]
    assert got.headers["content-type"] == "application/json"


# A single request


def send(
    url: str, exceptions: public_addresses.Exceptions = LOCAL, **more: Any
) -> webhooks.Outcome:
    return asyncio.run(webhooks.send(url, "id", b'{"a": 1}', [b"secret"], exceptions, **more))


def test_rotated_secret_has_two_signatures_and_each_receiver_accepts_its_own(
    receiver: Receiver, trusted: None
) -> None:
    new, old, other = (webhook_secrets.new() for _ in range(3))
    keys = [
        webhook_secrets.signing_key(MFA_KEY, webhook_secrets.encrypt(MFA_KEY, s))
        for s in (new, old)
    ]
    body = b'{"type": "webhook.ping", "data": {"a": "\xc3\xa9"}}'
    outcome = asyncio.run(webhooks.send(receiver.url, "event_1", body, keys, LOCAL))
    assert (outcome.status_code, outcome.error) == (204, None)
    (got,) = receiver.received
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert verified(got, new) == verified(got, old) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        verified(got, other)


def test_library_of_node_accepts_the_signatures(receiver: Receiver, trusted: None) -> None:
    program = node((18, 0))
    package = next((CHECKOUT / ".local").glob("*/node_modules/standardwebhooks"), None)
    if package is None:
        pytest.skip("standardwebhooks is not installed in .local: `make clients` installs it")
    new, old, other = (webhook_secrets.new() for _ in range(3))
    keys = [
        webhook_secrets.signing_key(MFA_KEY, webhook_secrets.encrypt(MFA_KEY, s))
        for s in (new, old)
    ]
    body = b'{"type": "webhook.ping", "data": {"a": "\xc3\xa9"}}'
    asyncio.run(webhooks.send(receiver.url, "event_1", body, keys, LOCAL))
    (got,) = receiver.received
    script = """
        const { Webhook } = require(process.argv[1]);
        const { secrets, body, headers } = JSON.parse(process.argv[2]);
        console.log(JSON.stringify(secrets.map((secret) => {
            try { return new Webhook(secret).verify(body, headers).type; }
            catch (error) { return error.message; }
        })));
    """
    given = {"secrets": [new, old, other], "body": got.body.decode(), "headers": got.headers}
    answer = subprocess.run(
        (program, "-e", script, package, json.dumps(given)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(answer.stdout) == [
        "webhook.ping",
        "webhook.ping",
        "No matching signature found",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("-5", None),
        ("1e3", None),
        ("9" * 10, None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_of_a_receiver_is_read_as_seconds(
    text: str, seconds: int | None, receiver: Receiver, trusted: None
) -> None:
    receiver.answer = lambda _got: (503, b"", {"Retry-After": text})
    assert send(receiver.url).retry_after_seconds == seconds


def test_retry_after_of_a_receiver_may_be_a_date(receiver: Receiver, trusted: None) -> None:
    date = http_date(time.time() + 600)
    receiver.answer = lambda _got: (429, b"", {"Retry-After": date})
    assert 540 < (send(receiver.url).retry_after_seconds or 0) <= 601


def test_redirect_is_not_followed(receiver: Receiver, pem: Path, trusted: None) -> None:
    with receiving(pem) as other:
        receiver.answer = lambda _got: (307, b"", {"Location": other.url})
        outcome = send(receiver.url)
        assert (outcome.status_code, outcome.error) == (307, "A redirect is not followed")
        assert len(receiver.received) == 1
        assert other.received == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.0.9", "192.0.2.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%1", "fc00::1"),
        *("fd12::1", "ff02::1", "2001:db8::1", "3fff::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8"),
        *("::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:808:808::1", "2001:0:1::1"),
        *("2001:20::1", "100::1", "5f00::1", "4000::1", "localhost", "", "8.8.8"),
    ],
)
def test_address_that_is_not_of_the_internet_is_not_public(address: str) -> None:
    assert not public_addresses.is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]
)
def test_address_of_the_internet_is_public(address: str) -> None:
    assert public_addresses.is_public(address)


@pytest.mark.parametrize(
    ("allowed", "host", "address", "may"),
    [
        ("10.1.0.0/16", "a.test", "10.1.2.3", True),
        ("10.1.0.0/16", "a.test", "10.2.0.1", False),
        ("10.1.2.3", "a.test", "10.1.2.3", True),
        ("fd00::/8", "a.test", "fd00::1", True),
        ("Hooks.internal", "hooks.Internal", "10.9.9.9", True),
        ("hooks.internal", "other.internal", "10.9.9.9", False),
        ("hooks.internal", "hooks.internal", "8.8.8.8", True),
        ("hooks.internal", "a.test", "8.8.8.8", True),
        ("10.1.0.0/16", "a.test", "not an address", False),
    ],
)
def test_setting_names_hosts_and_networks(allowed: str, host: str, address: str, may: bool) -> None:
    assert public_addresses.parse([allowed]).allow(host, address) is may


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "https://a.test", "a b", "a..b", "10.0.0.0/33", "*"]
)
def test_malformed_exception_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        public_addresses.parse([text])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "127.0.0.1.", "[::1]", "[::ffff:7f00:1]"]
)
def test_host_inside_is_refused_without_a_connection(host: str, receiver: Receiver) -> None:
    outcome = send(f"https://{host}:{receiver.port}/", NOWHERE)
    assert outcome.status_code is None
    assert outcome.error in (
        "The host has an address that is not public",
        "The host name has no address",
    )
    assert receiver.sources == []


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let NAME have the addresses of each answer in turn; the names that were asked for."""
    asked: list[str] = []
    left = list(answers)
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host != NAME:
            return real(host, port, *more, **named)
        asked.append(host)
        family = socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (a, port)) for a in left.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_one_address_inside_among_those_of_a_host_is_enough_to_refuse_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["8.8.8.8", HOST])
    outcome = send(f"https://{NAME}:{receiver.port}/", NOWHERE)
    assert outcome.error == "The host has an address that is not public"
    assert receiver.sources == []


def test_second_answer_of_the_name_server_has_no_effect(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, trusted: None
) -> None:
    # The name has an allowed address when it is checked, and would have another one later.
    asked = resolving(monkeypatch, [HOST], ["127.0.0.2"])
    outcome = send(f"https://{NAME}:{receiver.port}/")
    assert (outcome.status_code, outcome.error) == (204, None)
    assert asked == [NAME]
    # The name, and not the address, is in the request and in the verified certificate.
    assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.port}"


def test_next_address_is_tried_if_the_first_refuses(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, trusted: None
) -> None:
    resolving(monkeypatch, ["127.0.0.9", HOST])
    exceptions = public_addresses.parse(["127.0.0.0/8"])
    assert send(f"https://{NAME}:{receiver.port}/", exceptions).status_code == 204


def test_certificate_that_is_not_trusted_is_refused(receiver: Receiver) -> None:
    outcome = send(receiver.url)
    assert outcome.error == "The certificate is not valid for the host"
    assert receiver.received == []


def test_certificate_of_another_host_is_refused(receiver: Receiver, trusted: None) -> None:
    url = receiver.url.replace(HOST, "127.0.0.2")
    # The receiver listens on one address only, so the other host is the same by its name.
    with socket.create_server(("127.0.0.2", 0)) as relay:

        def pump() -> None:
            with relay.accept()[0] as client, socket.create_connection((HOST, receiver.port)) as up:
                up.sendall(client.recv(65536))
                client.sendall(up.recv(65536))
                client.recv(65536)

        thread = threading.Thread(target=pump, daemon=True)
        thread.start()
        port = relay.getsockname()[1]
        outcome = send(
            url.replace(str(receiver.port), str(port)), public_addresses.parse(["127.0.0.0/8"])
        )
        thread.join(10)
    assert outcome.error == "The certificate is not valid for the host"
    assert receiver.received == []


def test_closed_port_is_an_outcome() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
    assert send(f"https://{HOST}:{port}/").error == "The connection was refused"


def test_url_with_an_impossible_port_is_an_outcome() -> None:
    assert send("https://hooks.clinic.test:99999/").error == "The URL cannot be used"


def test_silent_receiver_costs_no_more_than_the_limit(receiver: Receiver, trusted: None) -> None:
    released = threading.Event()

    def wait(_got: Received) -> tuple[int, bytes, dict[str, str]]:
        released.wait(30)
        return 200, b"", {}

    receiver.answer = wait
    began = time.monotonic()
    outcome = send(receiver.url, seconds=0.5)
    released.set()
    assert outcome.error == "No complete answer within 0.5 seconds"
    assert time.monotonic() - began < 10


@contextmanager
def raw(pem: Path, answer: Callable[[ssl.SSLSocket], None]) -> Iterator[str]:
    """A TLS server whose answer is written by a function: the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            try:
                with context.wrap_socket(server.accept()[0], server_side=True) as client:
                    client.recv(65536)
                    answer(client)
            except OSError:
                pass  # the client has gone

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://{HOST}:{server.getsockname()[1]}/"
        thread.join(30)
        assert not thread.is_alive()


def test_receiver_that_drips_its_answer_costs_no_more_than_the_limit(
    pem: Path, trusted: None
) -> None:
    def drip(client: ssl.SSLSocket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            client.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw(pem, drip) as url:
        outcome = send(url, seconds=0.5)
    assert outcome.error == "No complete answer within 0.5 seconds"


def test_endless_answer_is_read_at_its_beginning_only(pem: Path, trusted: None) -> None:
    sent = 0

    def flood(client: ssl.SSLSocket) -> None:
        nonlocal sent
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while sent < 2**30:
            client.sendall(b"\x00\xff" * 32768)
            sent += 65536

    with raw(pem, flood) as url:
        outcome = send(url)
    assert outcome.status_code == 200
    assert outcome.answer == "\ufffd" * webhooks.ANSWER_CHARACTERS
    assert sent < 2**27


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "The answer is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "The answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "The answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50000, "The answer is not HTTP"),
    ],
)
def test_answer_that_is_not_http_is_an_outcome(
    answer: bytes, error: str, pem: Path, trusted: None
) -> None:
    with raw(pem, lambda client: client.sendall(answer)) as url:
        assert send(url).error in (error, "The connection was lost")


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    assert send(receiver.url).status_code == 204


def test_secret_of_a_webhook_is_not_one_of_a_user() -> None:
    secret = webhook_secrets.new()
    encrypted = webhook_secrets.encrypt(MFA_KEY, secret)
    assert secret.startswith("whsec_")
    assert secret not in encrypted
    assert len(webhook_secrets.signing_key(MFA_KEY, encrypted)) == webhook_secrets.SECRET_BYTES
    assert len(encrypted) <= 1024
    assert encrypted != webhook_secrets.encrypt(MFA_KEY, secret)
