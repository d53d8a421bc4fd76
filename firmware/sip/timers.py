"""Deadlines on a clock that is handed in: milliseconds that wrap at 2**30, as ticks_ms does on a board.

This is the only file that compares times, so it is the only one that knows of the wrap. A
delay may be at most MAX_DELAY_MS (six days): longer ones are cut to it.
"""

from micropython import const

PERIOD = const(1 << 30)
_HALF = const(1 << 29)
MAX_DELAY_MS = const((1 << 29) - 1)


def difference(later, earlier):
    """later - earlier in ms, right across the wrap for spans under six days."""
    return ((later - earlier + _HALF) & (PERIOD - 1)) - _HALF


class Timer:
    """One deadline. `cancel` may be called at any time, also after it has fired."""

    def __init__(self, waiting, due, action, argument):
        self._waiting = waiting
        self.due = due
        self.action = action
        self.argument = argument

    def cancel(self):
        if self in self._waiting:
            self._waiting.remove(self)


class Timers:
    """Timers in the order in which they fall due. `now` is the time of the call that is being served."""

    def __init__(self, now=0):
        self.now = now
        self._waiting = []

    def start(self, delay_ms, action, argument):
        """A Timer that calls action(argument) once, `delay_ms` from now."""
        waiting = self._waiting
        due = (self.now + min(delay_ms, MAX_DELAY_MS)) & (PERIOD - 1)
        timer = Timer(waiting, due, action, argument)
        place = len(waiting)
        while place and difference(waiting[place - 1].due, due) > 0:
            place -= 1
        waiting.insert(place, timer)
        return timer

    def advance(self, now):
        """Set the time and call what has fallen due, in order."""
        self.now = now
        while self.wait_ms(now) == 0:
            timer = self._waiting.pop(0)
            timer.action(timer.argument)

    def wait_ms(self, now):
        """How long until the next deadline: 0 when one is due, None when there is none."""
        return max(0, difference(self._waiting[0].due, now)) if self._waiting else None

    def __len__(self):
        return len(self._waiting)
