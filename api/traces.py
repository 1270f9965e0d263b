"""Traces of several services: the header traceparent (W3C Trace Context, level 1)."""

import random
import re
from typing import NamedTuple

# Version 00 has exactly these four fields; a later version may have more.
TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII,
)
SAMPLED = 1


class Trace(NamedTuple):
    """The trace of a request, the step that has sent it, and the step that answers it."""

    trace_id: str
    parent_id: str
    span_id: str
    sampled: bool

    @property
    def header(self) -> str:
        """The header traceresponse: the step that has answered."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


def trace(traceparent: str) -> Trace | None:
    """The trace that a header continues; None if the header is not valid (section 3.2)."""
    found = TRACEPARENT.fullmatch(traceparent.strip(" \t"))
    if not found or (found[1] == "00" and found[5]):
        return None
    # Not a secret, so it need not cost a system call.
    span_id = f"{random.getrandbits(64) or 1:016x}"
    return Trace(found[2], found[3], span_id, bool(int(found[4], 16) & SAMPLED))
