"""`make lint`: format, style, types of the Python, shellcheck, order and locks in db/."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

from scripts.system import CHECKOUT, command_line, say

HEADERS = {
    "deploy": "-- Deploy telemed:{} to pg",
    "revert": "-- Revert telemed:{} from pg",
    "verify": "-- Verify telemed:{} on pg",
}
LINE_LENGTH = 100


def main() -> None:
    python = (sys.executable, "-m")
    shell = sorted(
        str(path.relative_to(CHECKOUT))
        for pattern in ("scripts/*.sh", "deploy/*/*.sh")
        for path in CHECKOUT.glob(pattern)
    )
    workflows = sorted(map(str, CHECKOUT.glob(".github/workflows/*.yml")))
    schema = (*python, "check_jsonschema", "--builtin-schema")
    checks = {
        "format": (*python, "ruff", "format", "--check", "--quiet", "."),
        "style": (*python, "ruff", "check", "--quiet", "."),
        "types": (*python, "mypy", "--strict", "--no-error-summary"),
        **{path: ("sh", "-n", path) for path in shell},
        ".ci/run": ("bash", "-n", ".ci/run"),
        "shellcheck": (".venv/bin/shellcheck", *shell, ".ci/run"),
        "Dockerfile": (".venv/bin/hadolint", "Dockerfile"),
        "docker-compose.yml": (*schema, "vendor.compose-spec", "docker-compose.yml"),
        "workflows": (*schema, "vendor.github-workflows", *workflows),
        "zizmor": (".venv/bin/zizmor", "--offline", "--quiet", "--no-progress", *workflows),
        "squawk": (".venv/bin/squawk", "db/deploy/**/*.sql"),
    }
    failed = []
    for name, command in checks.items():
        result = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        if result.returncode:
            say(result.stdout)
            failed.append(name)
    for name, complaints in {
        "continued lines": continuation_complaints([*shell, ".ci/run"]),
        "db/": [*sqitch_complaints(), *text_complaints()],
    }.items():
        if complaints:
            say("\n".join(complaints))
            failed.append(name)
    if failed:
        sys.exit(f"lint: failed: {', '.join(failed)} (`make format` mends the format)")
    say("lint: all checks passed")


def continuation_complaints(scripts: list[str]) -> list[str]:
    """A comment ends the command that it stands in, which shellcheck does not report."""
    return [
        f"{script}:{number}: a comment inside a command that goes on over several lines"
        for script in scripts
        for number, (before, line) in enumerate(
            pairwise((CHECKOUT / script).read_text().splitlines()), 2
        )
        if before.endswith("\\") and line.lstrip().startswith("#")
    ]


def sqitch_complaints() -> Iterator[str]:
    """Every change of the plan has its three files, and every file is a change of the plan."""
    planned = [
        line.split()[0]
        for line in (CHECKOUT / "sqitch.plan").read_text().splitlines()
        if line.strip() and line[0] not in "%#@"
    ]
    for kind, header in HEADERS.items():
        folder = CHECKOUT / "db" / kind
        found = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.sql")}
        for change in sorted({*planned} - found):
            yield f"db/{kind}/{change}.sql is missing"
        for change in sorted(found):
            if change not in planned:
                yield f"db/{kind}/{change}.sql is not in sqitch.plan"
            first = (folder / f"{change}.sql").read_text().split("\n", 1)[0]
            if first != header.format(change):
                yield f"db/{kind}/{change}.sql:1: should be: {header.format(change)}"


def text_complaints() -> Iterator[str]:
    for path in sorted((CHECKOUT / "db").rglob("*.*sql")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(CHECKOUT)}:{number}"
            # The signatures in verify scripts cannot be broken.
            if len(line) > LINE_LENGTH and path.is_relative_to(CHECKOUT / "db/deploy"):
                yield f"{where}: longer than {LINE_LENGTH} characters"
            if line != line.rstrip() or "\t" in line:
                yield f"{where}: a tab, or space at the end"


if __name__ == "__main__":
    command_line("lint", main)
