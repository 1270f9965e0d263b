"""HEALTHCHECK of the image, for the API and for the worker: the exit status is 0 if it is well.

`healthcheck.py` asks whether it can do its work, so also whether the database answers.
`healthcheck.py live` asks whether the process is alive; if it is not, a restart helps. It runs
every few seconds and so needs the standard library only.
"""

import http.client
import os
import sys
import time
from pathlib import Path

# A worker comes round every 10 s, and waits as long for a database that is away.
LONGEST_SECONDS = 90.0


def main() -> None:
    """Check the worker if its file is there, else the API."""
    live = sys.argv[1:] == ["live"]
    file = os.environ.get("WORKER_HEARTBEAT_FILE")
    if file and Path(file).exists():
        check_worker(Path(file), live)
    else:
        check_api(int(os.environ.get("PORT") or 8000), live)


def check_worker(file: Path, live: bool) -> None:
    """Compare the times of worker/heartbeat.py with the present one."""
    last = file.stat().st_mtime if live else float(file.read_text() or 0)
    if time.time() - last > LONGEST_SECONDS:
        what = "is not alive" if live else "gets no answer from the database"
        sys.exit(f"healthcheck: the worker {what}")


def check_api(port: int, live: bool) -> None:
    """Request the health of the API on this computer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/health/live" if live else "/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"healthcheck: the API does not answer: {error}")
    if status != http.client.OK:
        sys.exit(f"healthcheck: the API answers {status}")


if __name__ == "__main__":
    main()
