"""The server hooks of gunicorn, and two handlers of the master, in the order of their calls.

`gunicorn.conf.py` names the hooks. docs/decisions/0016-additions-to-gunicorn.md says what each is
for and which test fails without it.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from typing import Any

from api import clinics, config, gunicorn_worker

# WSGI joins the values of one header with a comma, which a key may contain.
GIVEN_ONCE = ("AUTHORIZATION", "IDEMPOTENCY-KEY", "READ-AFTER")
DRAIN_SECONDS = 4  # at most, before graceful_timeout begins
SO_BINDTOIFINDEX = 62  # of Linux; Python has no name for it
NO_INTERFACE = 2**31 - 1
STOP = {signal.SIGTERM}
# New objects between two collections. A request leaves few in cycles: with Python's 700 the
# collector took 7 % of the time.
GARBAGE = 20_000

_settings = config.Settings()
_clinics: list[config.Settings] = []  # those of each clinic


def settings() -> config.Settings:
    """Settings of this start or reload. Ends the process if they do not allow a start.

    Also makes a folder for the metrics of all workers, unless the environment names one. It has to
    exist before prometheus_client is imported, so this module must not import it, nor api.db.
    """
    global _settings, _clinics
    try:
        _settings, _clinics = config.load(), clinics.each(clinics.load())
    except config.SettingsError as error:
        sys.exit(f"telemedicine: cannot start: {error}")
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        folder = tempfile.mkdtemp(prefix="telemedicine-metrics-")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        atexit.register(_remove, folder, os.getpid())
    return _settings


def _remove(folder: str, master: int) -> None:
    if os.getpid() == master:  # the workers inherit this function
        shutil.rmtree(folder, ignore_errors=True)


def when_ready(server: Any) -> None:
    """Change what the master does on SIGTERM and SIGHUP."""
    os.register_at_fork(after_in_parent=_unblock_stop)
    stop, reload = server.handle_term, server.handle_hup

    def handle_term() -> None:
        _drain(server)
        stop()

    def handle_hup() -> None:
        if _can_reload(server):
            reload()

    server.handle_term, server.handle_hup = handle_term, handle_hup


def _drain(server: Any) -> None:
    """On shutdown, drain the accept queue before gunicorn closes the listener.

    The kernel refuses new connections from now on: a socket that is bound to no existing interface
    gets none and keeps those in its queue. The workers accept these before they stop.
    """
    if server.systemd or server.reexec_pid or server.master_pid:
        return  # others listen on the same socket
    for listener in server.LISTENERS:
        try:
            listener.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)
        except OSError as error:  # older than Linux 5.7
            server.log.warning("telemedicine: new connections may be lost: %s", error)
    deadline = time.monotonic() + DRAIN_SECONDS
    time.sleep(0.1)  # for TCP handshakes that have begun
    while any(listener.get_backlog() > 0 for listener in server.LISTENERS):
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _can_reload(server: Any) -> bool:
    """Check the settings: gunicorn would end on wrong ones, and keeps the present ones if False."""
    try:
        new, names = config.load(), [each.clinic for each in clinics.each(clinics.load())]
    except (config.SettingsError, OSError, ValueError) as error:  # ValueError: not a text file
        server.log.error("telemedicine: no reload: %s", error)
        return False
    if (new.host, new.port) != (_settings.host, _settings.port):
        server.log.error("telemedicine: no reload: HOST and PORT need a restart")
        return False
    if names != [each.clinic for each in _clinics]:
        server.log.error("telemedicine: no reload: another list of clinics needs a restart")
        return False
    return True


def pre_fork(server: Any, worker: Any) -> None:
    """Block SIGTERM until the worker has its own handler.

    Until then it has that of the master, which would queue the signal and never look at it.

    The objects of the application stay as they are: the garbage collector of a worker need not
    look at them, and a worker shares their memory with the master.
    """
    gc.collect()
    gc.freeze()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


def _unblock_stop() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


def post_fork(server: Any, worker: Any) -> None:
    """Open the database connections of this worker, make spans, collect garbage less often."""
    from api import db, telemetry

    gc.set_threshold(GARBAGE)
    for each in _clinics or [_settings]:
        db.open_pool(each)
    telemetry.start()


def post_worker_init(worker: Any) -> None:
    """Accept SIGTERM from now on."""
    _unblock_stop()


def pre_request(worker: Any, req: Any) -> None:
    """Empty a header that is given twice: two keys or tokens are as wrong as a malformed one."""
    names = [name for name, _ in req.headers]
    for name in GIVEN_ONCE:
        if names.count(name) > 1:
            others = [header for header in req.headers if header[0] != name]
            req.headers = [*others, (name, "")]


def child_exit(server: Any, worker: Any) -> None:
    """Forget the connections of a worker that has ended, and its gauges."""
    from prometheus_client.multiprocess import mark_process_dead

    counts = gunicorn_worker.connection_counts
    counts[worker.age % len(counts)] = 0
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(server: Any, worker: Any) -> None:
    """Close the database connections of this worker, and send its last spans."""
    from api import db, telemetry

    db.close_pool()
    telemetry.stop()
