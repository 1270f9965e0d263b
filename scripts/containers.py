"""Docker, or podman where no Docker runs, and the images of the Dockerfile.

podman starts the same files. Where it reaches no registry of images, deploy/stand-ins has what the
bases are replaced by.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.extras import installed
from scripts.system import CHECKOUT, CommandError, say

PACKAGES = (
    *("podman", "runc", "netavark", "aardvark-dns", "iptables", "catatonit", "mmdebstrap"),
    *("curl", "ca-certificates"),
)
# For root without systemd, as in a container of CI.
CONFIGURATION = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
"""
STAND_IN = "telemedicine-stand-in-"
DEBIAN = ("ca-certificates", "tzdata", "netbase", "python3", "python3-venv", "openssl")
NOISE = re.compile(r"^.*(?:CNI|systemd connection|unable to get systemd).*$\n?", re.M)
# What this computer trusts, for builds behind a proxy of its own.
TRUST = ("/etc/pip.conf", "/etc/ssl/certs")
IMAGES = {
    "telemedicine": "telemedicine",
    "database": "telemedicine-database",
    "proxy": "telemedicine-proxy",
}


@dataclass
class Engine:
    """The program that builds and starts containers."""

    program: str
    variables: Mapping[str, str] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)  # build arguments

    @property
    def is_docker(self) -> bool:
        return self.program == "docker"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def run(self, *command: str, text: str = "", timeout: float = 1800) -> str:
        """Standard output of a command of the engine, which has to succeed."""
        result = self.try_to(*command, text=text, timeout=timeout)
        if result.returncode:
            output = NOISE.sub("", (result.stdout + result.stderr).strip())
            raise CommandError(f"{self.program} {command[0]} failed: {output[-4000:]}")
        return result.stdout.strip()

    def try_to(
        self, *command: str, text: str = "", timeout: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine that may fail."""
        return subprocess.run(
            (self.program, *command),
            cwd=CHECKOUT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def compose(self, project: str) -> tuple[str, ...]:
        """The beginning of a command for all services. No .env of the developer is read."""
        more = ("-p", project, "--env-file", os.devnull)
        if self.is_docker:
            return ("docker", "compose", *more)
        python = installed("images") / "bin/python"
        return (str(python), "-m", "podman_compose", *more)

    def build(self, target: str, tag: str, arguments: Mapping[str, str]) -> None:
        """Build a stage of the Dockerfile."""
        options = [
            f"--build-arg={name}={value}" for name, value in {**self.bases, **arguments}.items()
        ]
        if not self.is_docker:
            # The format of Docker keeps HEALTHCHECK.
            options += ["--format=docker", "--network=host"]
            options += [f"--volume={path}:{path}:ro" for path in TRUST if Path(path).exists()]
        self.run("build", "--quiet", *options, f"--target={target}", f"--tag={tag}", ".")


def engine() -> Engine:
    """Docker if its server answers, else podman, which is installed if it is missing."""
    if shutil.which("docker") and _succeeds("docker", "info"):
        return Engine("docker")
    if os.geteuid() != 0:
        raise CommandError(
            "no Docker runs here; podman in its place needs root: sudo make image-test"
        )
    _install(PACKAGES)
    folder = CHECKOUT / ".local/image-test"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(CONFIGURATION)
    podman = Engine("podman", {"CONTAINERS_CONF": str(folder / "containers.conf")})
    podman.bases = _bases(podman)
    return podman


def _bases(podman: Engine) -> dict[str, str]:
    """The build arguments of the bases; empty if a registry has those of the Dockerfile."""
    pinned = re.findall(r"^ARG \w+_IMAGE=(\S+)$", (CHECKOUT / "Dockerfile").read_text(), re.M)
    if all(
        not podman.try_to("pull", "--quiet", f"docker.io/library/{i}").returncode for i in pinned
    ):
        return {}
    say(
        "image-test: no registry of images is reached: building stand-ins for the bases from Debian"
    )
    if podman.try_to("image", "exists", f"{STAND_IN}debian").returncode:
        with tempfile.NamedTemporaryFile(suffix=".tar") as root:
            command = ("mmdebstrap", "--quiet", "--variant=minbase", "--include", ",".join(DEBIAN))
            _run((*command, "trixie", root.name))
            podman.run("import", "--quiet", root.name, f"{STAND_IN}debian")
    folder = CHECKOUT / "deploy/stand-ins"
    for name in ("postgres", "nginx"):
        options = ("--quiet", "--network=host", "--format=docker", f"--file={folder / name}")
        podman.run("build", *options, f"--tag={STAND_IN}{name}", str(folder))
    names = {"PYTHON": "debian", "POSTGRES": "postgres", "NGINX": "nginx"}
    return {f"{name}_IMAGE": f"{STAND_IN}{image}" for name, image in names.items()}


def _install(packages: Sequence[str]) -> None:
    shown = ("dpkg-query", "-W", "-f", "${Package} ${Status}\n", *packages)
    found = subprocess.run(shown, capture_output=True, text=True).stdout
    missing = [name for name in packages if f"{name} install ok installed" not in found]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise CommandError(f"there is no apt here: install Docker, or {', '.join(missing)}")
    say(f"image-test: installing {' '.join(missing)}")
    install = (
        "apt-get",
        "install",
        "-y",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=600",
    )
    if not _succeeds(*install, *missing):
        _run(("apt-get", "update"))
        _run((*install, *missing))


def _succeeds(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, capture_output=True, env=environment).returncode == 0


def _run(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode:
        raise CommandError(f"{command[0]} failed: {(result.stdout + result.stderr)[-4000:]}")
