"""`make scan`: weaknesses of the locked packages, secrets in the repository, the list of contents.

ONLY=dependencies, ONLY=secrets or ONLY=sbom does one of them. A scan that cannot reach its database
fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Mapping
from typing import Any

from scripts.containers import IMAGES, engine
from scripts.extras import installed
from scripts.image_test import TAG
from scripts.system import CHECKOUT, CommandError, command_line, run, say

LOCK_FILES = ("requirements.txt", "requirements-tracing.txt")
# Random text is no finding: a test has every secret that this repository publishes refused in
# production (tests/server/test_config.py). What is left are tokens of known services and keys.
PLUGINS_OFF = (
    *("KeywordDetector", "Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector"),
    # Connection strings with the password `development-only`
    "BasicAuthDetector",
)
# Keys that tests make wrong on purpose, and examples of documents.
EXAMPLES = ("tests/", "docs/", "drills/", "api/examples.py")
# Digests of packages, and what is generated from files that are scanned.
LEFT_OUT = (
    r"(^|/)requirements[^/]*\.txt$|package-lock\.json$|^docs/(sql|reports)/|openapi\.json$|\.svg$"
)
SBOM = CHECKOUT / "build/sbom.json"


def main() -> None:
    """Run the scans; raises CommandError with what they find."""
    scans = {"dependencies": dependencies, "secrets": secrets, "sbom": sbom}
    only = os.environ.get("ONLY")
    if only and only not in scans:
        raise CommandError(f"ONLY is {', '.join(scans)}, not {only}")
    for scan in [scans[only]] if only else scans.values():
        say(f"scan: {scan()}")


def dependencies() -> str:
    """Ask the database of PyPI for known weaknesses of every locked package."""
    tool = installed("images") / "bin/pip-audit"
    files = [option for name in LOCK_FILES for option in ("--requirement", name)]
    command = (str(tool), "--strict", "--disable-pip", "--require-hashes", *files)
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    if result.returncode:
        raise CommandError(f"pip-audit failed: {(result.stdout + result.stderr)[-3000:]}")
    return f"no known weakness in {' and '.join(LOCK_FILES)}"


def secrets() -> str:
    """Look for tokens and private keys in every file that git has."""
    tool = installed("images") / "bin/detect-secrets"
    off = [option for name in PLUGINS_OFF for option in ("--disable-plugin", name)]
    # Nothing is sent to the services of the tokens.
    scan = (str(tool), "scan", "--no-verify", "--exclude-files", LEFT_OUT, *off)
    found = json.loads(run(scan, os.environ))["results"]
    lines = [
        f"{file}:{secret['line_number']}: {secret['type']}"
        for file, rows in found.items()
        for secret in rows
        if not file.startswith(EXAMPLES)
    ]
    if lines:
        raise CommandError("\n".join(["secrets in the repository:", *lines]))
    return "no token of a known service and no private key in the files of the repository"


def sbom() -> str:
    """Write build/sbom.json (CycloneDX): packages of Python, and those of the image."""
    tool = installed("images") / "bin/cyclonedx-py"
    command = (str(tool), "requirements", "--output-reproducible", "requirements.txt")
    document = json.loads(run(command, os.environ))
    python = len(document["components"])
    packages = packages_of_image()
    document["components"] += packages
    document["serialNumber"] = f"urn:uuid:{uuid.uuid4()}"
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(document, indent=2) + "\n")
    image = f"{len(packages)} of Debian" if packages else "no image: `make image-test` builds it"
    return f"{SBOM.relative_to(CHECKOUT)}: {python} packages of Python, {image}"


def packages_of_image() -> list[Mapping[str, Any]]:
    """The packages of Debian in the image that `make image-test` has built; none without it."""
    found, image = engine(), f"{IMAGES['telemedicine']}:{TAG}"
    if found.try_to("image", "inspect", image).returncode:
        return []
    shown = "${Package}\\t${Version}\\t${Architecture}\\n"
    text = found.run(
        *("run", "--rm", "--network=none", "--entrypoint=dpkg-query", image, "-W", "-f", shown)
    )
    return [
        {
            "type": "library",
            "name": name,
            "version": version,
            "bom-ref": f"deb-{name}-{architecture}",
            "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        }
        for name, version, architecture in (line.split("\t") for line in text.splitlines())
    ]


if __name__ == "__main__":
    command_line("scan", main)
