"""Commands for operators.

`python -m api create-admin | doctor | settings | hash-password | webhook-secret`
"""

import argparse
import getpass
import sys
from collections.abc import Callable

import psycopg

from api import (
    administration,
    config,
    doctor,
    password_hashing,
    password_strength,
    time_zones,
    webhook_secrets,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        run: dict[str, Callable[[argparse.Namespace], int | None]] = {
            "create-admin": _create_admin,
            "doctor": _doctor,
            "settings": _settings,
            "hash-password": _hash,
            "webhook-secret": _webhook_secret,
        }
        return run[options.command](options) or 0
    except (config.SettingsError, ValueError) as error:
        return _fail(str(error))
    except psycopg.Error as error:
        return _fail(administration.reason(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = commands.add_parser(
        "create-admin", help="create an administrator; connects to DBA_DATABASE_URL"
    )
    create.add_argument("--email", required=True)
    create.add_argument("--full-name", required=True)
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    examine = commands.add_parser(
        "doctor", help="check the installation, and say what to mend; status 1 if there is a fault"
    )
    examine.add_argument(
        "checks", nargs="*", choices=[[], *doctor.CHECKS], metavar="CHECK", help="default: all"
    )
    commands.add_parser("settings", help="print the settings without secrets, or every wrong one")
    commands.add_parser(
        "hash-password", help="print the bcrypt hash of a password from standard input"
    )
    commands.add_parser(
        "webhook-secret", help="print a new secret, and the same encrypted for api.create_webhook"
    )
    return parser


def _create_admin(options: argparse.Namespace) -> None:
    settings = config.load(to_serve=False)
    if not settings.dba_database_url:
        raise config.SettingsError(
            "DBA_DATABASE_URL is missing: set it to the connection string of a DBA"
        )
    if errors := config.published_passwords(settings):
        raise config.SettingsError("; ".join(errors))
    password = _checked(_from_stdin() if options.password_stdin else _from_terminal())
    if password_strength.too_easy(password, options.email, options.full_name):
        raise ValueError(password_strength.ADVICE)
    password_hash = password_hashing.hash_password(password, settings.bcrypt_cost)
    user_id = administration.create_admin(
        settings.dba_database_url, options.email, password_hash, options.full_name
    )
    _say(f"{user_id} {options.email} is an administrator")


def _settings(_options: argparse.Namespace) -> None:
    for name, value in config.load(to_serve=False).without_secrets().items():
        _say(f"{name}={value}")
    _compare_time_zones(config.load())


def _compare_time_zones(settings: config.Settings) -> None:
    try:
        comparison = time_zones.compare(settings)
    except psycopg.Error as error:
        _say("TIME_ZONE_DATA_OF_POSTGRESQL=unknown")
        _say(f"TIME_ZONE_DATA_OF_PYTHON={time_zones.python_release()}")
        _warn(f"cannot read the time zone data of PostgreSQL: {administration.reason(error)}")
        return
    _say(f"TIME_ZONE_DATA_OF_POSTGRESQL={comparison.postgresql}")
    _say(f"TIME_ZONE_DATA_OF_PYTHON={comparison.python}")
    if comparison.warning:
        _warn(comparison.warning)


def _doctor(options: argparse.Namespace) -> int:
    states = set()
    for state, subject, found, advice in doctor.examine(options.checks):
        states.add(state)
        _say(f"{state:8} {subject}: {found}" + (f"\n{'':8} -> {advice}" if advice else ""))
    return int("fault" in states)


def _hash(_options: argparse.Namespace) -> None:
    settings = config.load(to_serve=False)
    _say(password_hashing.hash_password(_checked(_from_stdin()), settings.bcrypt_cost))


def _webhook_secret(_options: argparse.Namespace) -> None:
    settings = config.load(to_serve=False)
    if not settings.mfa_keys:
        raise config.SettingsError("MFA_KEYS is missing")
    secret = webhook_secrets.new()
    _say(f"secret={secret}")
    _say(f"p_secret={webhook_secrets.encrypt(settings.mfa_keys, secret)}")


def _from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _from_terminal() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise ValueError("the two passwords differ: enter the same one twice")
    return password


def _checked(password: str) -> str:
    shortest, longest = password_hashing.MINIMUM_LENGTH, password_hashing.MAXIMUM_LENGTH
    if not shortest <= len(password) <= longest:
        raise ValueError(f"choose a password of {shortest} to {longest} characters")
    return password


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _warn(text: str) -> None:
    sys.stderr.write(f"api: warning: {text}\n")


def _fail(reason: str) -> int:
    sys.stderr.write(f"api: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
