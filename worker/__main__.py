"""`python -m worker`: one instance of the worker. SIGTERM stops it after the running jobs."""

import asyncio
import logging
import sys

from api import config, logs, telemetry
from worker import db, metrics
from worker.schema import SchemaError
from worker.service import Service


def main() -> None:
    """Run an instance until a signal stops it; an error of the settings is one line."""
    try:
        settings = load()
        configure_logs(settings.log_level)
        if settings.worker_metrics_port:
            metrics.serve(settings.host, settings.worker_metrics_port, settings.metrics_token)
        asyncio.run(_run(settings))
    except (config.SettingsError, SchemaError) as error:
        sys.exit(f"worker: cannot start: {error}")


def load() -> config.Settings:
    """The settings of this process. Raises config.SettingsError."""
    settings = config.load(to_serve=False)
    errors = config.published_passwords(settings) + config.unencrypted_mail(settings)
    if not settings.worker_database_url:
        errors.append("WORKER_DATABASE_URL is missing")
    if errors:
        raise config.SettingsError("; ".join(errors))
    return settings


async def _run(settings: config.Settings) -> None:
    telemetry.start(db.APPLICATION)
    try:
        await Service(settings).run()
    finally:
        telemetry.stop()


def configure_logs(level: str) -> None:
    """Lines of the worker to standard output, those of libraries to standard error, as JSON."""
    logs.configure(level)
    handler = logging.StreamHandler()
    handler.setFormatter(logs.Formatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Its line about a failed job quotes the message of the error; Service writes one without.
    logging.getLogger("procrastinate.worker").addFilter(
        lambda record: getattr(record, "action", "") not in ("job_error", "job_error_retry")
    )


if __name__ == "__main__":
    main()
