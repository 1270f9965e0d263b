"""`make pin`: the digests of the present images, in the Dockerfile and docker-compose.yml.

A tag may name another image tomorrow; a digest cannot. Needs a registry, and Docker or skopeo.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping

from scripts.system import CHECKOUT, CommandError, command_line, say

FILES = ("Dockerfile", "docker-compose.yml")
# ARG NAME_IMAGE=name:tag@digest in one, ${NAME_IMAGE:-name:tag@digest} in the other
IMAGE = re.compile(r"(_IMAGE(?:=|:-))([\w./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?")


def main() -> None:
    """Write the digests. Raises CommandError if one cannot be had; then no file is changed."""
    texts = {CHECKOUT / name: (CHECKOUT / name).read_text() for name in FILES}
    digests: dict[str, str] = {}
    for text in texts.values():
        for _, image, _ in IMAGE.findall(text):
            digests[image] = digests.get(image) or digest_of(image)
    for path, text in texts.items():
        path.write_text(pinned(text, digests))
    for image, digest in digests.items():
        say(f"pin: {image}@{digest}")


def pinned(text: str, digests: Mapping[str, str]) -> str:
    """A file with the digest behind each image."""
    return IMAGE.sub(lambda m: f"{m[1]}{m[2]}@{digests[m[2]]}", text)


def digest_of(image: str) -> str:
    """The digest of the list of an image's platforms, as the registry has it now."""
    if shutil.which("skopeo"):
        command = ("skopeo", "inspect", "--raw", f"docker://docker.io/{full_name(image)}")
        result = subprocess.run(command, capture_output=True)
        if result.returncode == 0:
            hashed = subprocess.run(
                ("skopeo", "manifest-digest", "/dev/stdin"),
                input=result.stdout,
                capture_output=True,
            )
            return hashed.stdout.decode().strip()
        problem = result.stderr.decode()
    elif shutil.which("docker"):
        shown = (
            "docker",
            "buildx",
            "imagetools",
            "inspect",
            "--format",
            "{{json .Manifest}}",
            image,
        )
        described = subprocess.run(shown, capture_output=True, text=True)
        if described.returncode == 0:
            return str(json.loads(described.stdout)["digest"])
        problem = described.stderr
    else:
        problem = "install skopeo, or Docker"
    raise CommandError(f"the digest of {image} cannot be had: {problem.strip()[-500:]}")


def full_name(image: str) -> str:
    return image if "/" in image else f"library/{image}"


if __name__ == "__main__":
    command_line("pin", main)
