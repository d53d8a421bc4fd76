"""The jitter buffer: what has arrived and has not been played yet.

A ring with one byte for each RTP timestamp unit (which fits every codec of 64 kbit/s on an 8 kHz
clock: G.711, G.722), addressed by timestamp, so packets of any length, in any order, fall into
place. Blocks of 8 units (1 ms) carry a mark. Playout starts `target_ms` behind the first packet
and then advances 160 units a tick, whatever arrives.

The playout position is set anew (`anchor`) when that can no longer be right:
- the timestamp leaps: a packet is further ahead than the ring reaches, or further behind than that;
- for 100 ms (5 ticks) every packet came too late: the path has become slower, or the sender's
  clock stood still for a while;
- a talkspurt begins (marker) after 40 ms of nothing, and is more than a tick off the target:
  nobody hears this move.

While it waits for the first packet's time, an early packet moves it forward: what waited in a
socket when the call began must not delay the whole call.

Not here: a target that adapts, drift, and what is played where nothing came.
"""

import micropython
from micropython import const

from media.pointers import ptr8

_FRAME = const(160)  # units of a timestamp: 20 ms
_CAPACITY = const(4096)  # units: 512 ms
_LONGEST = const(2048)  # the longest payload that is taken: more than a datagram carries
_POSITIONS = const(0xFFFFFF)  # positions are timestamps of 24 bits, as rtp.Source has them
_HALF = const(0x800000)
_PERSISTENT_TICKS = const(5)
_PAUSE = const(320)

# The marks of a block. EXCUSED: nothing came, nor was it to: an event was sent instead of audio.
_ABSENT = const(0)
_EXCUSED = const(1)
_PRESENT = const(2)


# Viper keeps the first three variables of a function, its arguments first, in registers: hence the
# order of arguments.


@micropython.viper
def _store(position: int, i: int, offset: int, ring, marks, packet):
    target = ptr8(ring)
    source = ptr8(packet)
    end = position + i
    while i:
        i -= 1
        target[position + i & 4095] = source[offset + i]
    mark = ptr8(marks)
    position &= -8
    while position < end:
        mark[position >> 3 & 511] = 2
        position += 8


@micropython.viper
def _raise_marks(block: int, end: int, state: int, marks):
    # A mark is never lowered, but cleared by state 0.
    mark = ptr8(marks)
    while block < end:
        if state == 0 or mark[block & 511] < state:
            mark[block & 511] = state
        block += 1


@micropython.viper
def _take_marks(first: int, i: int, marks, present) -> int:
    mark = ptr8(marks)
    is_present = ptr8(present)
    absent = 0
    while i:
        i -= 1
        state = mark[first + i & 511]
        mark[first + i & 511] = 0
        is_present[i] = state >> 1
        if state == 0:
            absent += 1
    return absent


class JitterBuffer:
    """target_ms: how long the first packet waits, 0 to 250; may be changed at any time, in force
    from the next anchor.

    playout: the position (timestamp, 24 bits, less the phase) of the next unit to be played.
    buffered: units from there to the end of the newest packet; negative once the buffer has run
    dry. resynchronised: how often the playout position was set anew. ring: the codes, that of a
    position at its low 12 bits. present: 20 flags, filled by take(): which blocks arrived. missed:
    how many had been due and did not; before the first packet is due, none.
    """

    def __init__(self, target_ms, ring=None):
        self.target_ms = target_ms
        self.playout = 0
        self.buffered = 0
        self.resynchronised = 0
        self.ring = ring or bytearray(_CAPACITY)
        self.present = bytearray(_FRAME >> 3)
        self.missed = 0
        self._marks = bytearray(_CAPACITY >> 3)
        self._running = False  # whether the playout position means anything
        self._begun = False  # whether anything has ever been due
        self._waiting = 0  # units of time until the packet that anchored is due
        self._phase = 0  # what the timestamps are off the grid of the blocks
        self._ticks = 0
        self._late_since = -1  # the tick of the first late packet since one was in time

    def reset(self):
        """Forget all; the next packet anchors."""
        _raise_marks(0, _CAPACITY >> 3, _ABSENT, self._marks)
        self._running = False

    def anchor(self, timestamp):
        """Forget all, and let `timestamp` be due in target_ms."""
        self.reset()
        if self._begun:
            self.resynchronised += 1
        self._running = True
        self._phase = timestamp & 7
        self._waiting = self.target_ms * 8
        self.playout = timestamp - self._phase - self._waiting & _POSITIONS
        self.buffered = 0
        self._late_since = -1

    def skip(self, units):
        """Move the playout position forward by a multiple of 8 units; what is jumped over is never
        played.
        """
        first = self.playout >> 3
        _raise_marks(first, first + (units >> 3), _ABSENT, self._marks)
        self.playout = self.playout + units & _POSITIONS
        self.buffered -= units

    def put(self, header, packet):
        """Store the payload of a packet; header (its rtp.Source) has its marker, timestamp, offset
        and length.

        False: it came too late, all of it. What of it is too late is cut off, in the header too.
        """
        if not 0 < header.length <= _LONGEST:
            return True
        if not self._running:
            self.anchor(header.timestamp)
        ahead = (header.timestamp - self._phase - self.playout + _HALF & _POSITIONS) - _HALF
        if header.marker or not 0 < ahead + header.length <= _CAPACITY:
            if self._must_anchor(header.marker, ahead, ahead + header.length):
                self.anchor(header.timestamp)
                ahead = self._waiting
            elif ahead + header.length <= 0:
                return False
        self._late_since = -1
        if self._waiting > 0 and ahead > self.target_ms * 8 + 7:
            self.skip(ahead - self.target_ms * 8 & -8)
            ahead = self.target_ms * 8 + (ahead & 7)
        if ahead < 0:
            header.offset -= ahead
            header.length += ahead
            ahead = 0
        _store(self.playout + ahead, header.length, header.offset, self.ring, self._marks, packet)
        if ahead + header.length > self.buffered:
            self.buffered = ahead + header.length
        return True

    def _must_anchor(self, marker, ahead, end):
        if end > _CAPACITY or ahead < -_CAPACITY:
            return True
        if marker and self.buffered <= -_PAUSE and abs(ahead - self.target_ms * 8) > _FRAME:
            return True
        if end > 0:
            return False
        if self._late_since < 0:
            self._late_since = self._ticks
        return self._ticks - self._late_since >= _PERSISTENT_TICKS

    def excuse(self, timestamp, length):
        """No audio is missed in these `length` units: the source said that it sends something
        else.
        """
        if self._running:
            ahead = (timestamp - self._phase - self.playout + _HALF & _POSITIONS) - _HALF
            first = max(ahead, 0) + self.playout
            end = min(ahead + length, _CAPACITY) + self.playout
            _raise_marks(first >> 3, end + 7 >> 3, _EXCUSED, self._marks)

    def take(self):
        """Fill `present` and `missed` for the 20 ms from the playout position on, and advance it."""
        self.missed = _take_marks(self.playout >> 3, _FRAME >> 3, self._marks, self.present)
        if self._running:
            self._ticks += 1
            self.playout = self.playout + _FRAME & _POSITIONS
            self.buffered -= _FRAME
            if self._waiting <= 0:
                self._begun = True
            else:
                self._waiting -= _FRAME
        if not self._begun:
            self.missed = 0
