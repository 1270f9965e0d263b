"""The kinds of problems, with what happened and what to do: the tables of db/errors.md."""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", re.M)


class Kind(NamedTuple):
    """A row of db/errors.md. http: the status, and headers of the answer."""

    code: str
    meaning: str
    http: str
    what_to_do: str


# Read now: a server without the file does not start.
_text = (Path(__file__).parent.parent / "db/errors.md").read_text(encoding="utf-8")
KINDS = tuple(Kind(*row) for row in ROW.findall(_text))


@lru_cache
def kind_of(code: str) -> Kind | None:
    """The kind of the problems with a code. An `x` in the list stands for any character."""
    return next((k for k in KINDS if re.fullmatch(k.code.replace("x", "[0-9A-Z]"), code)), None)
