"""Counts per key and window of time, in the memory of this process."""

import threading
import time


class Counter:
    """Counts until a window is over, and then forgets.

    The memory store of the library `limits` does the same, but looks through all its counts every
    hundredth of a second: with 50,000 addresses that takes a millisecond.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # (count, end of the window in time.monotonic() seconds) by key, in two generations. Keys
        # that no call has named for a whole generation, as long as the longest window, are dropped.
        self._young: dict[str, tuple[int, float]] = {}
        self._old: dict[str, tuple[int, float]] = {}
        self._next_generation = 0.0
        self._longest = 0.0

    def incr(self, key: str, expiry: float) -> int:
        """Add one to the count of `key` and return it.

        expiry: seconds that a window of the key lasts, from the first count in it. The name and the
        arguments are those of the stores of `limits`.
        """
        with self._lock:
            now = time.monotonic()
            self._longest = max(self._longest, expiry)
            if now >= self._next_generation:
                self._old, self._young = self._young, {}
                self._next_generation = now + self._longest
            count, end = self._young.get(key) or self._old.get(key) or (0, 0.0)
            if now >= end:
                count, end = 0, now + expiry
            self._young[key] = count + 1, end
            return count + 1
