"""The mix of `make drill NAME=soak`, sent in an open loop: python -m drills.soak.mix

Each request begins on its schedule, whether or not earlier ones have their answers; without a free
connection it waits, and the wait counts. DATA is a file with what the requests choose from
(drills.production), ANSWERS one that gets a line for each answer (drills.load_tools.Answer).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import quote, urlsplit

# Shorter than the keep-alive of the server, which closes a connection after five idle seconds.
LONGEST_PAUSE_SECONDS = 3
LAST_ANSWERS_SECONDS = 30
PRIME = 7919  # so that all the clinic has its turn


class Ask(NamedTuple):
    """A request. at: its scheduled start, in seconds since 1970."""

    path: str
    at: float
    text: bytes
    patient: int = 0
    visit: int = 0


class Mix:
    """The requests: a booking and its reads for each visit."""

    def __init__(self, data: dict[str, list[str]], host: str, reads: int) -> None:
        self._data = data
        self._host = host
        self._reads = reads
        self._specialties = [quote(specialty) for specialty in data["specialties"]]

    def request(self, number: int, at: float) -> Ask:
        """The request with this number."""
        visit, turn = divmod(number, 1 + self._reads)
        if turn == 0:
            slot, patient = self._data["bookings"][visit]
            body = json.dumps({"slot_id": slot, "reason": "A rash"})
            text = self._text("POST /v1/consultations", int(patient), f"visit-{visit}", body)
            return Ask("book", at, text, int(patient), visit)
        chance = number * PRIME
        patient = chance % len(self._data["tokens"])
        match (turn - 1) % 4:
            case 0:
                id_, owner = self._data["booked"][chance % len(self._data["booked"])]
                return Ask("get one", at, self._text(f"GET /v1/consultations/{id_}", int(owner)))
            case 1:
                return Ask("list mine", at, self._text("GET /v1/consultations", patient))
            case 2:
                doctor = self._data["doctors"][chance % len(self._data["doctors"])]
                path = f"GET /v1/doctors/{doctor}/slots"
                return Ask("open slots", at, self._text(path, patient))
            case _:
                specialty = self._specialties[chance % len(self._specialties)]
                path = f"GET /v1/slots?specialty={specialty}"
                return Ask("search", at, self._text(path, patient))

    def cancellation(self, booking: Ask, consultation: str) -> Ask:
        """The request that cancels what was booked."""
        path = f"POST /v1/consultations/{consultation}/cancel"
        text = self._text(path, booking.patient, f"cancel-{booking.visit}", "{}")
        return Ask("cancel", time.time(), text)

    def _text(self, path: str, patient: int, key: str = "", body: str = "") -> bytes:
        more = f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n" if key else ""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        token = self._data["tokens"][patient]
        return (
            f"{path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n"
            f"{more}{length}\r\n{body}"
        ).encode()


class Line(asyncio.Protocol):
    """A connection, which serves one request after the other."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.ask: Ask | None = None
        self._received = b""
        self.used_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def send(self, ask: Ask) -> None:
        self.ask, self._received = ask, b""
        self.transport.write(ask.text)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or not self.ask:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            ask, self.ask = self.ask, None
            if b"\r\nconnection: close" in head.lower():
                self.transport.close()
            self._crowd.answered(self, ask, int(head[9:12]), body)

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.lost(self, self.ask)


class Crowd:
    """The connections, and the requests that wait for one."""

    def __init__(self, mix: Mix, url: str, most: int, answers: TextIO) -> None:
        self._mix = mix
        self._address = urlsplit(url)
        self._most = most
        self._answers = answers
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._waiting: deque[Ask] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self.open = 0  # requests without an answer

    def ask(self, ask: Ask) -> None:
        self.open += 1
        while self._idle:
            line = self._idle.pop()
            if line.used_at > time.monotonic() - LONGEST_PAUSE_SECONDS:
                line.send(ask)
                return
            line.transport.close()
        self._waiting.append(ask)
        self._open_line()

    def _open_line(self) -> None:
        if len(self._lines) + len(self._opening) < self._most:
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        host, port = self._address.hostname, self._address.port
        line = Line(self)
        try:
            await asyncio.get_running_loop().create_connection(lambda: line, host, port)
        except OSError:
            if self._waiting:
                self._report(self._waiting.popleft(), 0, "")
            return
        self._lines.add(line)
        self._free(line)

    def _free(self, line: Line) -> None:
        if line.transport.is_closing():
            self.lost(line, None)
            return
        line.used_at = time.monotonic()
        if self._waiting:
            line.send(self._waiting.popleft())
        else:
            self._idle.append(line)

    def answered(self, line: Line, ask: Ask, status: int, body: bytes) -> None:
        result = ""
        if ask.path in ("book", "cancel") or status >= 400:
            result = json.loads(body)["id" if status < 400 else "detail"]
        self._report(ask, status, result)
        if status == 201 and ask.visit % 10 == 0:  # one patient in ten changes their mind
            self.ask(self._mix.cancellation(ask, result))
        self._free(line)

    def lost(self, line: Line, ask: Ask | None) -> None:
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if ask:
            self._report(ask, 0, "")
        if self._waiting:
            self._open_line()

    def give_up(self) -> None:
        """Report the requests that have no answer."""
        for ask in (*self._waiting, *(line.ask for line in self._lines if line.ask)):
            self._report(ask, 0, "")

    def _report(self, ask: Ask, status: int, result: str) -> None:
        self.open -= 1
        took = (time.time() - ask.at) * 1000
        self._answers.write(f"{ask.path}\t{ask.at:.6f}\t{took:.3f}\t{status}\t{result}\n")


async def main() -> None:
    url, reads, rate = os.environ["URL"], int(os.environ["READS"]), float(os.environ["BOOKINGS"])
    data = json.loads(Path(os.environ["DATA"]).read_text())
    gc.freeze()  # no collection has to visit the data
    mix = Mix(data, urlsplit(url).netloc, reads)
    rate *= 1 + reads
    with Path(os.environ["ANSWERS"]).open("w") as answers:
        crowd = Crowd(mix, url, int(os.environ["CLIENTS"]), answers)
        began = time.time()
        for number in range(int(rate * float(os.environ["DURATION"]))):
            at = began + number / rate
            if (early := at - time.time()) > 0:
                await asyncio.sleep(early)
            crowd.ask(mix.request(number, at))
        until = time.time() + LAST_ANSWERS_SECONDS
        while crowd.open and time.time() < until:
            await asyncio.sleep(0.05)
        crowd.give_up()


if __name__ == "__main__":
    asyncio.run(main())
