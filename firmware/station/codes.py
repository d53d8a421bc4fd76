"""Digits into openings. A code is accepted with its last digit; # ends a shorter entry, a pause drops it.

Guessing is slowed: after three wrong codes nothing is taken for a minute, right or wrong, in this call or the next.
"""

from micropython import const

_PAUSE_MS = const(5000)
_TRIES = const(3)
_LOCKOUT_MS = const(60000)


class Codes:
    """codes: dict of digits → relay name. timers: what runs the pause and the lockout (sip.timers.Timers)."""

    def __init__(self, codes, timers):
        self._codes = codes
        self._longest = max([len(code) for code in codes] or (0,))
        self._timers = timers
        self._entry = ""
        self._pause = None
        self._wrong = 0
        self.is_locked = False

    def enter(self, digit):
        """Take one digit. The relay's name when it completed a code, "" when the entry was wrong, else None."""
        if not self._codes:
            return None
        if self._pause:
            self._pause.cancel()
        is_end = digit == "#"
        if not is_end:
            self._entry += digit
        entry = self._entry
        if not entry:
            return None
        relay = self._codes.get(entry)
        if relay is None and not is_end and len(entry) < self._longest:
            self._pause = self._timers.start(_PAUSE_MS, self._drop, None)
            return None
        self._entry = ""
        if self.is_locked:
            return ""
        if relay is not None:
            self._wrong = 0
            return relay
        self._wrong += 1
        if self._wrong == _TRIES:
            self._wrong = 0
            self.is_locked = True
            self._timers.start(_LOCKOUT_MS, self._unlock, None)
        return ""

    def forget(self):
        """Drop a begun entry: the call is over."""
        self._drop(None)

    def _drop(self, _):
        self._entry = ""

    def _unlock(self, _):
        self.is_locked = False
