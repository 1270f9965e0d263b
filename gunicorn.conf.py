"""Settings of gunicorn: `gunicorn` alone, in this folder, is the whole command.

The worker is in api/gunicorn_worker.py, the server hooks are in api/gunicorn_hooks.py.
"""

from pathlib import Path

# Names that gunicorn knows are settings. `settings` is not one of them, `config` is.
from api import gunicorn_hooks as hooks

settings = hooks.settings()

wsgi_app = "api.app:create_app()"
host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = f"{host}:{settings.port}"
workers = settings.web_concurrency
# Threads, because hashing a password takes a fifth of a second, outside Python's lock.
worker_class = "api.gunicorn_worker.Worker"
threads = settings.threads
worker_connections = 500  # each is a file, and many systems allow a process 1024
# Load the application once, before the fork: then a mistake stops the start instead of one worker
# after another. No connection is opened before the fork.
preload_app = True
keepalive = 5
timeout = 30  # longer than any statement may take
graceful_timeout = 20
# Not gunicorn_h1c where that is installed: it reads a line without an end beyond its limit.
http_parser = "python"
limit_request_line = 8190  # three names of 200 characters fit, each byte as %XX
limit_request_fields = 50
limit_request_field_size = 8190
if Path("/dev/shm").is_dir():
    worker_tmp_dir = "/dev/shm"  # heartbeats must not wait for a disk
# No client may send SCRIPT_NAME or PATH_INFO: by default gunicorn takes them from a proxy on this
# computer, and then serves another address than the proxy checked.
forwarder_headers = ""
# Nor may a header say that the client used TLS: nothing depends on it. Without such headers it does
# not matter from which address a request comes, and "*" saves looking.
secure_scheme_headers = {}
forwarded_allow_ips = "*"
control_socket_disable = True
accesslog = None  # api.logs writes one line for each request
log_level = settings.log_level.replace("DEBUG", "INFO")  # gunicorn's DEBUG lines quote requests
loglevel = log_level.lower()
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
        "gunicorn.error": {"level": log_level, "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}

when_ready = hooks.when_ready
pre_fork = hooks.pre_fork
post_fork = hooks.post_fork
post_worker_init = hooks.post_worker_init
pre_request = hooks.pre_request
worker_exit = hooks.worker_exit
child_exit = hooks.child_exit
