"""A frame costs no memory: not a byte that is allocated, also none that is freed again at once.

MicroPython takes the frame of a bytecode function with more than 11 variables and stack slots from
the heap, if it can: hence mem_total, which a locked heap would not show. Where there is no viper
emitter, the sample loops are such functions; there the heap is locked, which sends these frames to
the stack, and all else to a MemoryError.

CPython allocates an int for nearly everything; there the test says that nothing is kept, and the
other that no number grows beyond the small integers of a board (31 bits, sign included), which
MicroPython of 64 bits would not notice.
"""

import sys
from array import array

import micropython
from media.session import Session

FRAMES = 400


class Stream:
    encoding = "PCMA"
    payload_type = 8
    event_payload_type = 101
    ptime_ms = 20
    sending = True
    receiving = True


class Call:
    """A session, and a peer: its packets in two buffers, with all high bits set and wrapping."""

    def __init__(self):
        self.session = Session(Stream, 0xFFFFFFFF, 65300, 0xFFFFFF00)
        self.mic = array("h", range(-80, 80))
        self.speaker = array("h", [0] * 160)
        self.packet = bytearray(b"\x80\x08" + b"\xff" * 10 + bytes(range(160)))
        self.event = bytearray(b"\x80\x65" + b"\xff" * 10 + b"\x05\x0a\x00\xa0")
        self.sequence = 65400
        self.timestamp = 0xFFFFC0  # the low 24 bits

    def step(self, i):
        self.talk(self.session, i)
        self.session.digit()
        if i % 60 == 31:
            self.session.send_digit("*")
        self.session.tick(None if i % 70 == 35 else self.mic, self.speaker)

    def number(self, packet):
        packet[2] = self.sequence >> 8
        packet[3] = self.sequence & 0xFF
        packet[5] = self.timestamp >> 16
        packet[6] = self.timestamp >> 8 & 0xFF
        packet[7] = self.timestamp & 0xFF

    def move(self, frames):
        self.sequence = self.sequence + frames & 0xFFFF
        self.timestamp = self.timestamp + frames * 160 & 0xFFFFFF

    def talk(self, session, i):
        """Audio with a lost, a doubled and a late packet now and then, a stall, a pressed key,
        rubbish, and each
        second another source with the other law."""
        self.move(1)
        packet = self.packet
        phase = i % 50
        if phase == 0:
            packet[8] ^= 1
            packet[1] ^= 8
        if phase == 10:
            session.receive(packet, phase)
            self.number(self.event)
        if 10 <= phase < 16:
            self.event[2] = self.sequence >> 8
            self.event[3] = self.sequence & 0xFF
            self.event[14] = phase
            session.receive(self.event, 16)
        elif phase != 20 and not 40 < phase < 48:
            packet[1] = packet[1] & 0x7F | (0x80 if phase == 30 else 0)
            self.number(packet)
            session.receive(packet, 172)
            if phase == 25:
                session.receive(packet, 172)
        if phase == 24:
            # The one that was missing.
            self.move(-4)
            self.number(packet)
            session.receive(packet, 172)
            self.move(4)


def has_viper():
    try:
        exec("import micropython\n@micropython.viper\ndef nothing():\n    pass\n")
    except SyntaxError:
        return False
    return True


def play(call, frames):
    for i in range(100, 100 + frames):
        call.step(i)


def allocated(call, frames):
    """What `frames` frames allocate: bytes (MicroPython), or blocks that they keep (CPython)."""
    if sys.implementation.name != "micropython":
        before = sys.getallocatedblocks()
        play(call, frames)
        return max(sys.getallocatedblocks() - before - 50, 0)
    if has_viper():
        before = micropython.mem_total()
        for i in range(100, 100 + frames):
            call.step(i)
        return micropython.mem_total() - before
    micropython.heap_lock()
    try:
        play(call, frames)
    finally:
        micropython.heap_unlock()
    return 0


def test_a_frame_allocates_nothing():
    call = Call()
    for i in range(100):
        call.step(i)
    assert allocated(call, FRAMES) == 0
    session = call.session
    # All of it happened.
    assert session.frames_sent > FRAMES
    assert session.frames_duplicate >= 8
    assert session.frames_late >= 8
    assert session.frames_concealed > 50
    assert session.malformed >= 8


PARTS = ("Numbering", "Source", "JitterBuffer", "Receiver", "Sender")


def numbers_in(thing, seen):
    """All ints that a session holds, its parts' included."""
    for value in thing.__dict__.values():
        if isinstance(value, int):
            seen.append(value)
        elif type(value).__name__ in PARTS:
            seen.append(0)
            numbers_in(value, seen)
    return seen


def test_no_number_is_too_large_for_a_board():
    call = Call()
    call.session = Session(Stream, 0x3FFFFFFF, 65300, 0xFFFFFF00)
    for i in range(FRAMES):
        call.step(i)
        numbers = numbers_in(call.session, [])
        assert len(numbers) > 40
        assert max(numbers) < 1 << 30 and min(numbers) >= -(1 << 30)
