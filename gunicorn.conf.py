"""How gunicorn serves the API: `gunicorn` alone, in this folder, is the whole command."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# One folder for the metrics of all workers, unless the surroundings have one for us. It has to be
# there before the metrics are defined, so before anything else of ours is imported.
_made_here = not os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _made_here:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="telemedicine-metrics-")
_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"]
_master = os.getpid()


@atexit.register
def _forget_metrics():
    if _made_here and os.getpid() == _master:  # a worker's end is not the server's
        shutil.rmtree(_metrics, ignore_errors=True)


from prometheus_client import multiprocess  # noqa: E402

# Not `config` itself: gunicorn takes every name here that it knows for a setting.
from api import db  # noqa: E402
from api.config import SettingsError, load  # noqa: E402

try:
    _settings = load()
except SettingsError as error:
    sys.exit(f"telemedicine: cannot start: {error}")

wsgi_app = "api.app:create_app()"
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.web_concurrency
# Threads, because a password takes a fifth of a second to hash (outside Python's lock).
worker_class = "api.worker.Worker"
threads = _settings.threads
worker_connections = 500  # each is a file, of which many systems allow a process 1024
# Once for all workers, so that a mistake stops the start instead of one worker after another. No
# connection is opened before the fork.
preload_app = True
keepalive = 5
timeout = 30  # longer than any statement may take
graceful_timeout = 20
limit_request_line = 8190  # three names of 200 characters fit, each byte as %XX
limit_request_fields = 50
limit_request_field_size = 8190
if Path("/dev/shm").is_dir():
    worker_tmp_dir = "/dev/shm"  # heartbeats must not wait for a disk
# SCRIPT_NAME and PATH_INFO are nothing that a client may send: by default a proxy of this computer
# hands them through, and the address that it has looked at is not the one that is served.
forwarder_headers = ""
control_socket_disable = True
accesslog = None  # api.logs writes one line per request
# gunicorn's own DEBUG lines quote requests: addresses, queries, headers.
_log_level = _settings.log_level.replace("DEBUG", "INFO")
loglevel = _log_level.lower()
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "api.logs.Formatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": _log_level, "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}

_SO_BINDTOIFINDEX = 62  # of Linux; Python has no name for it


def when_ready(server):
    """Change what a stop and a reload do."""
    # A stop begins with the kernel refusing newcomers, who have sent nothing yet. Otherwise
    # somebody could always enter between a worker's last look at the door and its closing. A socket
    # that is bound to no existing interface gets no new connection and keeps those it has.
    stop = server.handle_term

    def handle_term():
        # What others listen on too has to stay as it is: systemd, or the other half of a USR2.
        alone = not (server.systemd or server.reexec_pid or server.master_pid)
        if alone and all(isinstance(address, tuple) for address in server.cfg.address):
            for listener in server.LISTENERS:
                with contextlib.suppress(OSError):  # an old or another kernel
                    listener.setsockopt(socket.SOL_SOCKET, _SO_BINDTOIFINDEX, 2**31 - 1)
        stop()

    server.handle_term = handle_term

    # A reload reads this file again, which must not end the server: the old settings stay.
    reload = server.handle_hup

    def handle_hup():
        try:
            new = load()
        except (SettingsError, OSError, ValueError) as error:  # ValueError: a file that is no text
            server.log.error("telemedicine: no reload: %s", error)
            return
        if (new.host, new.port) != (_settings.host, _settings.port):
            server.log.error("telemedicine: no reload: HOST and PORT need a restart")
            return
        reload()

    server.handle_hup = handle_hup


# A worker that has just been forked still has its master's way of hearing a stop, and would go on
# serving until it is killed. So the signal waits until the worker is ready for it.
_STOP = {signal.SIGTERM}
os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP))


def pre_fork(server, worker):
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)


def post_worker_init(worker):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)


def post_fork(server, worker):
    db.open_pool(_settings)


def worker_exit(server, worker):
    db.close_pool()


def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
