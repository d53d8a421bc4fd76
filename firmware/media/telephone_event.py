"""Digits as telephone events of RFC 4733, received and sent. Events 0 to 15: 0 to 9, *, #, A to D.

Not here: several events in one packet (the first is taken), other events (flash, tones), SIP INFO,
tones in the audio.
"""

from micropython import const

PAYLOAD_BYTES = const(4)

_DIGITS = "0123456789*#ABCD"
_QUEUE = const(16)
_HALF = const(0x800000)
_FRAME = const(160)
_LONGEST_SEGMENT = const(0xFFFF)

_END = const(0x80)
_VOLUME = const(10)  # -10 dBm0
_END_PACKETS = const(3)  # RFC 4733, 2.5.1.4
# After the end packets: with their 40 ms, a gateway that makes tones gets 100 ms between two digits.
_PAUSE_TICKS = const(3)


class Receiver:
    """Tells one press of a key from the packets that repeat it. What nobody fetches beyond 16
    digits is dropped.
    """

    def __init__(self):
        self._queue = bytearray(_QUEUE)
        self._first = 0
        self._queued = 0
        self.reset()

    def reset(self):
        """Another source: its timestamps have nothing to do with those before."""
        self._timestamp = -1  # of the last reported event; 24 bits
        self._event = -1

    def receive(self, header, packet, in_order):
        """Take the event at the beginning of a payload of 4 bytes at least; header (its
        rtp.Source) has the packet's marker, timestamp and offset; in_order: no later packet has
        been seen.

        Return its duration so far, in units of the timestamp.

        An event is its timestamp (RFC 4733, 2.5.1.2). It is reported at the first of its packets
        that arrives, be it the first, an update or an end (2.5.2.2); one with duration 0 only
        announces it.
        """
        offset = header.offset
        duration = packet[offset + 2] << 8 | packet[offset + 3]
        if (duration or packet[offset + 1] & _END) and header.timestamp != self._timestamp:
            self._begin(header, packet[offset], in_order)
        return duration

    def _begin(self, header, event, in_order):
        later = header.timestamp - self._timestamp & 2 * _HALF - 1
        if event >= 16 or (self._timestamp >= 0 and not in_order and later >= _HALF):
            return  # not a digit, or an overtaken packet of an event before
        # A key held for longer than a duration can say goes on as a new segment (2.5.1.3).
        goes_on = later == _LONGEST_SEGMENT and event == self._event and not header.marker
        self._timestamp = header.timestamp
        self._event = event
        if not goes_on and self._queued < _QUEUE:
            self._queue[self._first + self._queued & _QUEUE - 1] = event
            self._queued += 1

    def digit(self):
        """Return the oldest digit that has not been fetched, or None."""
        if self._queued == 0:
            return None
        event = self._queue[self._first]
        self._first = self._first + 1 & _QUEUE - 1
        self._queued -= 1
        return _DIGITS[event]


class Sender:
    """A queue of up to 16 digits, and the event that is being sent: one packet a tick. Idle unless
    `busy`.
    """

    def __init__(self):
        self.busy = False  # whether is_due() has anything to say
        self.age = 0  # how long ago the event of the last write() began, in units of the timestamp
        self._events = bytearray(_QUEUE)
        self._lengths = bytearray(_QUEUE)  # in ticks
        self._first = 0
        self._queued = 0
        self._left = 0  # ticks until the event ends
        self._ends = 0  # end packets still to be sent
        self._pause = 0
        self._duration = 0

    def queue(self, digit, duration_ms):
        """Append a digit, 40 to 5100 ms long in steps of 20 ms. False: the queue is full.
        ValueError: not a digit.
        """
        event = _DIGITS.index(digit)
        if len(digit) != 1:
            raise ValueError(digit)
        if self._queued == _QUEUE:
            return False
        at = self._first + self._queued & _QUEUE - 1
        self._events[at] = event
        self._lengths[at] = min(max(duration_ms // 20, 2), 255)
        self._queued += 1
        self.busy = True
        return True

    def is_due(self):
        """Whether this tick belongs to an event; if so, write() comes next. Called once a tick."""
        if self._ends:
            return True
        if self._pause:
            self._pause -= 1
            return False
        self.busy = self._queued > 0
        return self.busy

    def write(self, packet, offset):
        """Write the next payload to packet[offset:offset + 4]. Return whether a new event begins
        with it.
        """
        begins = self._ends == 0
        if begins:
            packet[offset] = self._events[self._first]
            self._left = self._lengths[self._first]
            self._first = self._first + 1 & _QUEUE - 1
            self._queued -= 1
            self._ends = _END_PACKETS
            self._duration = 0
            self.age = 0
        else:
            self.age += _FRAME
        flags = _VOLUME
        if self._left:
            self._left -= 1
            self._duration += _FRAME
        if self._left == 0:
            flags |= _END
            self._ends -= 1
            if self._ends == 0:
                self._pause = _PAUSE_TICKS
        packet[offset + 1] = flags
        packet[offset + 2] = self._duration >> 8
        packet[offset + 3] = self._duration & 0xFF
        return begins
