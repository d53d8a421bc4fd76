"""A press out of a bouncing contact: closed for two samples in a row, and open before.

A contact that is closed at the start (a cable that is shorted, a thumb during a restart) is no press.
"""

from micropython import const

_SAMPLES = const(2)


class Button:
    """Sampled each 20 ms by the station."""

    def __init__(self):
        self._is_closed = True  # as far as it has settled
        self._differing = _SAMPLES - 1  # samples in a row that differ from it

    def sample(self, is_closed):
        """True at the one sample that makes a press."""
        if is_closed == self._is_closed:
            self._differing = 0
            return False
        self._differing += 1
        if self._differing < _SAMPLES:
            return False
        self._differing = 0
        self._is_closed = is_closed
        return is_closed
