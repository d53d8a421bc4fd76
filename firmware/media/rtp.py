"""RTP: the header as it is read and written, and the order of the packets of one source (RFC 3550,
5.1 and A.1).

Timestamps and SSRCs have 32 bits, small integers on a board 31: a larger one would be allocated on
the heap for each packet. So an SSRC and the timestamp that we send are two halves of 16 bits, and
of a received timestamp the low 24 bits are kept: 17 minutes either way at 8 kHz, far more than any
two samples that are ever compared.

Not here: RTCP, and what a payload means.
"""

from array import array
from struct import pack_into

import micropython
from micropython import const

from media.pointers import ptr8, ptr16

_HEADER_BYTES = const(12)

_WINDOW = const(128)  # how far back a packet may be reordered: RFC 3550 A.1 has 100 (MAX_MISORDER)
_DROPOUT = const(3000)  # MAX_DROPOUT of RFC 3550 A.1: one minute
_BEFORE = const(0)  # what the window knows of a sequence number: older than the first one,
_MISSING = const(1)  # skipped, counted as lost,
_ARRIVED = const(2)

# What Source.receive says of a packet.
MALFORMED = const(0)
STRANGER = const(1)
DUPLICATE = const(2)
REORDERED = const(3)
NEWEST = const(4)
RESTARTED = const(5)


class Source:
    """The source that is being heard: its SSRC, which of its packets came (RFC 3550 A.1), and the
    last one's header.

    The first packet with one of our payload types is believed at once. After that another SSRC, or
    a leap of the sequence number, needs two consecutive packets with none of the running stream
    between them: strays never disturb it.

    payload_types: those that may begin a stream, a container. lost: sequence numbers between the
    first and the newest that have not come (so far: a late one takes itself off again). Of the
    last packet: marker: 0 or 0x80; payload_type; timestamp: its low 24 bits; offset, length: where
    the payload lies, without CSRCs, extension and padding.
    """

    def __init__(self):
        self.payload_types = ()
        self.lost = 0
        self.marker = 0
        self.payload_type = 0
        self.timestamp = 0
        self.offset = 0
        self.length = 0
        self._ssrc_high = 0
        self._ssrc_low = -1  # none yet
        self._usual_length = 0  # of a datagram
        self._newest = 0
        self._window = bytearray(_WINDOW)
        # The packet that would confirm a new source.
        self._next_ssrc_high = 0
        self._next_ssrc_low = 0
        self._next_sequence = -1

    def receive(self, packet, length):
        """Read the header of packet[:length] and say what the packet is to this source:

        MALFORMED: not RTP version 2, or its lengths contradict each other; STRANGER: of another
        source; DUPLICATE; REORDERED; NEWEST; RESTARTED: the first one of a source.
        """
        if length < _HEADER_BYTES or packet[0] >> 6 != 2:
            return MALFORMED
        offset = _HEADER_BYTES
        if packet[0] != 0x80:
            offset += 4 * (packet[0] & 15)
            if packet[0] & 0x10:
                offset += 4
                if offset > length:
                    return MALFORMED
                # The last 16 bits count words of 4 bytes.
                offset += packet[offset - 2] << 10 | packet[offset - 1] << 2
            if packet[0] & 0x20:
                if offset >= length or packet[length - 1] == 0:
                    return MALFORMED
                length -= packet[length - 1]
            if offset > length:
                return MALFORMED
        self.offset = offset
        self.length = length - offset
        self.marker = packet[1] & 0x80
        self.payload_type = packet[1] & 0x7F
        self.timestamp = packet[5] << 16 | packet[6] << 8 | packet[7]
        sequence = packet[2] << 8 | packet[3]
        step = sequence - self._newest & 0xFFFF
        if (
            (packet[10] << 8 | packet[11]) != self._ssrc_low
            or (packet[8] << 8 | packet[9]) != self._ssrc_high
            or _DROPOUT <= step <= 0x10000 - _WINDOW
        ):
            return self._restart(packet, sequence)
        if 0 < step < _DROPOUT:
            if step > 1:
                self._skip(step)
            self._newest = sequence
            self._next_sequence = -1
            self._window[sequence & _WINDOW - 1] = _ARRIVED
            return NEWEST
        step = self._window[sequence & _WINDOW - 1]
        if step == _ARRIVED:
            return DUPLICATE
        if step == _MISSING:
            self.lost -= 1
        self._window[sequence & _WINDOW - 1] = _ARRIVED
        return REORDERED

    def end(self, packet, length):
        """Where the first datagram of packet[:length] ends, if several of the source stand there in a row."""
        if length != self._usual_length:
            length = next_header(packet, length, self._ssrc_high, self._ssrc_low)
            self._usual_length = length
        return length

    def _skip(self, step):
        self.lost += step - 1
        for i in range(max(step - _WINDOW, 1), step):
            self._window[self._newest + i & _WINDOW - 1] = _MISSING

    def _restart(self, packet, sequence):
        high = packet[8] << 8 | packet[9]
        low = packet[10] << 8 | packet[11]
        if self.payload_type not in self.payload_types:
            return STRANGER
        if self._ssrc_low >= 0 and (
            sequence != self._next_sequence
            or low != self._next_ssrc_low
            or high != self._next_ssrc_high
        ):
            self._next_sequence = sequence + 1 & 0xFFFF
            self._next_ssrc_high = high
            self._next_ssrc_low = low
            return STRANGER
        self._ssrc_high = high
        self._ssrc_low = low
        self._newest = sequence
        self._next_sequence = -1
        for i in range(_WINDOW):
            self._window[i] = _BEFORE
        self._window[sequence & _WINDOW - 1] = _ARRIVED
        return RESTARTED


@micropython.viper
def next_header(packet, length: int, ssrc_high: int, ssrc_low: int) -> int:
    """Where a second RTP header of this SSRC begins in packet[:length]; `length` where none does."""
    octets = ptr8(packet)
    i = 12
    while i <= length - 12:
        if (
            octets[i] >> 6 == 2
            and octets[i + 8] << 8 | octets[i + 9] == ssrc_high
            and octets[i + 10] << 8 | octets[i + 11] == ssrc_low
        ):
            return i
        i += 1
    return length


@micropython.viper
def drop_first(packet, end: int, length: int) -> int:
    """Move packet[end:length] to the front; its length."""
    octets = ptr8(packet)
    i = end
    while i < length:
        octets[i - end] = octets[i]
        i += 1
    return length - end


class Numbering:
    """What tells our packets apart: SSRC (32 bits), and sequence (16 bits) and timestamp (32 bits)
    of the next one.

    elapsed: units of the timestamp since a packet was numbered; whoever keeps the time adds to it
    (less than 2 ** 29).
    """

    def __init__(self, ssrc, sequence, timestamp):
        self.elapsed = 0
        self._ssrc = ssrc
        self._next = array("H", (sequence, timestamp & 0xFFFF, timestamp >> 16))

    def new_packet(self, payload_bytes):
        """Return a bytearray with what all our packets have in common: version 2, no CSRC, no
        extension, our SSRC.
        """
        packet = bytearray(_HEADER_BYTES + payload_bytes)
        pack_into(">BxxxxxxxI", packet, 0, 0x80, self._ssrc)
        return packet

    @micropython.viper
    def number(self, packet, marker_and_type: int, age: int):
        """Write marker (0 or 0x80) | payload type, the sequence number, which is used up by it,
        and the timestamp.

        age: how long ago the payload began, in units of the timestamp, at most 65536.
        """
        octets = ptr8(packet)
        following = ptr16(self._next)
        sequence = following[0] & 0xFFFF
        low = (following[1] & 0xFFFF) + int(self.elapsed)
        high = (following[2] & 0xFFFF) + (low >> 16)
        self.elapsed = 0
        following[0] = sequence + 1 & 0xFFFF
        following[1] = low & 0xFFFF
        following[2] = high & 0xFFFF
        low = (low & 0xFFFF) - age
        high += low >> 16
        octets[1] = marker_and_type
        octets[2] = sequence >> 8
        octets[3] = sequence & 0xFF
        octets[4] = high >> 8 & 0xFF
        octets[5] = high & 0xFF
        octets[6] = low >> 8 & 0xFF
        octets[7] = low & 0xFF
