"""One fleet for many clinics: the host of a request decides which clinic, and so which database.

One clinic is one database (docs/scaling.md). `current()` of api.config returns the settings of the
clinic of the present request, and everything else follows: connections, keys of tokens, contexts
and secrets. Without CLINICS there is one clinic, and every host leads to it.
"""

from collections.abc import Mapping

from flask import Flask

from api import clinic_files, config, present
from api.config import Settings, SettingsError
from api.errors import Problem

# Of the process and not of a clinic, so any host may be given: a probe sends an address.
OF_ALL = ("/health", "/health/live", "/metrics")


def load(environment: Mapping[str, str] | None = None) -> dict[str, Settings]:
    """The settings of each clinic, by host; empty if there is one. Raises SettingsError."""
    variables = config.from_process() if environment is None else environment
    path = variables.get("CLINICS", "").strip()
    if not path or variables.get("CLINIC"):
        return {}
    by_host: dict[str, Settings] = {}
    try:
        clinics = clinic_files.read(path).values()
    except ValueError as error:
        raise SettingsError(str(error)) from None
    for clinic in clinics:
        own = {**variables, **clinic.variables, "CLINIC": clinic.name}
        try:
            settings = config.load(own)
        except SettingsError as error:
            raise SettingsError(f"{clinic.name}: {error}") from None
        by_host |= dict.fromkeys(clinic.hosts, settings)
    return by_host


def each(by_host: Mapping[str, Settings]) -> list[Settings]:
    """The settings of each clinic once."""
    return list({settings.clinic: settings for settings in by_host.values()}.values())


def register(app: Flask, by_host: Mapping[str, Settings]) -> None:
    """Have `app` serve the clinics of these hosts; any host if there are none."""
    if not by_host:
        return

    def choose() -> None:
        request = present.request()
        host = request.environ.get("HTTP_HOST", "").rpartition("]")[2].partition(":")[0].lower()
        settings = by_host.get(host)
        if settings is not None:
            present.variables().settings = settings
        elif request.path not in OF_ALL:
            # RFC 9110, section 15.5.20
            raise Problem(421, "This server does not serve that host: check the address.")

    app.before_request(choose)
