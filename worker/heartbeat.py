"""The file WORKER_HEARTBEAT_FILE, which tells scripts/healthcheck.py how this process is."""

import contextlib
import time
from pathlib import Path

_file: Path | None = None


def keep_in(path: str) -> None:
    """Choose the file; an empty path chooses none."""
    global _file
    _file = Path(path) if path else None


def beat(*, answered: bool) -> None:
    """Note that the process is alive, and whether the database answers.

    The modification time of the file is that of the last beat. Its text is the time, in seconds
    since 1970, of the last beat at which the database answered.
    """
    if _file is None:
        return
    with contextlib.suppress(OSError):  # a full disk ends no worker
        if answered:
            _file.write_text(f"{time.time():.0f}")
        else:
            _file.touch()
