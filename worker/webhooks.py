"""Sends one delivery of a webhook, as Standard Webhooks describes it.

Somebody else chooses the address. So every address of the host is checked (api.public_addresses),
the connection goes to one that was checked, whatever the name means a moment later, and the
certificate is verified for the name. Redirects are not followed: they would lead to an address
that nobody has checked. Proxies of the environment are not used. The whole exchange has a time
limit, and only the beginning of the answer is read.
"""

import asyncio
import base64
import hmac
import math
import re
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import httpcore
from werkzeug.http import parse_date

from api import __version__
from api.public_addresses import Exceptions

ANSWER_BYTES = 4096
ANSWER_CHARACTERS = 1000
ADDRESSES = 4  # of a host, that are tried one after another

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, as work.settle_delivery takes it. error: one line of ASCII.

    retry_after_seconds: how long the receiver asks to be left alone.
    """

    duration_ms: int
    status_code: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after_seconds: int | None = None


class NotAllowedError(Exception):
    """The host has an address that is not one of the internet."""


class UnknownHostError(Exception):
    """The host has no address."""


def signature(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header webhook-signature: one signature for each secret."""
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, content, "sha256") for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def headers(secrets: Iterable[bytes], message_id: str, body: bytes) -> Headers:
    """The headers of a request that is sent now: receivers accept a timestamp for five minutes."""
    timestamp = int(time.time())
    return [
        (b"content-type", b"application/json"),
        (b"user-agent", f"telemedicine-webhooks/{__version__}".encode()),
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(timestamp).encode()),
        (b"webhook-signature", signature(secrets, message_id, timestamp, body).encode()),
        (b"accept-encoding", b"identity"),
        (b"connection", b"close"),
    ]


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. All connections of httpcore are made here."""

    def __init__(self, exceptions: Exceptions) -> None:
        self._exceptions = exceptions
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to `host`. Raises NotAllowedError if one of its addresses is not allowed."""
        addresses = await addresses_of(host, port)
        for address in addresses:
            if not self._exceptions.allow(host, address):
                raise NotAllowedError
        failure: Exception = UnknownHostError()
        for address in addresses[:ADDRESSES]:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL of a webhook names a file."""
        raise NotAllowedError

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


async def addresses_of(host: str, port: int) -> list[str]:
    """All IP addresses of a host, each once. Raises UnknownHostError."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHostError from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def send(
    url: str,
    message_id: str,
    body: bytes,
    secrets: Sequence[bytes],
    exceptions: Exceptions,
    *,
    seconds: float = 15,
) -> Outcome:
    """POST a body to `url`, and describe what came of it. Raises nothing for a failure.

    secrets: sign the request, one signature each. seconds: limit of the whole exchange.
    """
    began = time.monotonic()

    def outcome(
        status_code: int | None = None,
        error: str | None = None,
        answer: str | None = None,
        retry_after: int | None = None,
    ) -> Outcome:
        took = round((time.monotonic() - began) * 1000)
        return Outcome(took, status_code, error, answer, retry_after)

    sent = headers(secrets, message_id, body)
    try:
        async with (
            asyncio.timeout(seconds),
            httpcore.AsyncConnectionPool(
                ssl_context=_tls(), network_backend=GuardedNetwork(exceptions), max_connections=1
            ) as pool,
            pool.stream("POST", url, headers=sent, content=body) as got,
        ):
            answer = b""
            async for chunk in got.aiter_stream():
                answer += chunk
                if len(answer) >= ANSWER_BYTES:
                    break
            redirected = "A redirect is not followed" if 300 <= got.status <= 399 else None
            return outcome(got.status, redirected, _readable(answer), _retry_after(got.headers))
    except TimeoutError:
        return outcome(error=f"No complete answer within {seconds:g} seconds")
    except NotAllowedError:
        return outcome(error="The host has an address that is not public")
    except UnknownHostError:
        return outcome(error="The host name has no address")
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        return outcome(error=_reason(error))
    except httpcore.ProtocolError:
        return outcome(error="The answer is not HTTP")
    except (httpcore.UnsupportedProtocol, ValueError, OverflowError):
        return outcome(error="The URL cannot be used")


def _reason(error: BaseException) -> str:
    """Why a connection failed, in words that contain nothing of the answer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "The certificate is not valid for the host"
        if isinstance(cause, ssl.SSLError):
            return "TLS could not be negotiated"
        if isinstance(cause, ConnectionRefusedError):
            return "The connection was refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "The connection failed"
    return "The connection was lost"


def _retry_after(headers: Headers) -> int | None:
    """The seconds of Retry-After, a number or a date (RFC 9110, section 10.2.3)."""
    text = next((v for name, v in headers if name.lower() == b"retry-after"), b"").decode("latin-1")
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return int(text)
    date = parse_date(text)
    return max(0, math.ceil(date.timestamp() - time.time())) if date else None


def _readable(answer: bytes) -> str:
    """The beginning of an answer as text that the database can store."""
    return answer.decode(errors="replace").replace("\x00", "\ufffd")[:ANSWER_CHARACTERS]


@lru_cache
def _tls() -> ssl.SSLContext:
    # The certificates of the system, or those of SSL_CERT_FILE.
    return ssl.create_default_context()
