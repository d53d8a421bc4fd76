"""One audio stream of a call: packets and samples in and out, one tick of 20 ms for both
directions.

    every 20 ms:            packet = session.tick(mic, speaker)      send the packet if there is one
    whenever one arrives:   session.receive(packet, length)
    then:                   session.digit()

Nothing in tick() and receive() allocates memory, and their work is bounded, whatever arrives.

Not here: the source address of a packet (whoever has the socket), RTCP, SRTP, comfort noise.
"""

from micropython import const

from media.concealment import Fade
from media.g711 import g711
from media.jitter import JitterBuffer
from media.rtp import (
    DUPLICATE,
    MALFORMED,
    NEWEST,
    REORDERED,
    RESTARTED,
    STRANGER,
    Numbering,
    Source,
    drop_first,
)
from media.telephone_event import PAYLOAD_BYTES, Receiver, Sender

FRAME_SAMPLES = const(160)  # of the arrays that tick() takes
RING_BYTES = const(4096)  # what a session is given to keep what it hears in

_FRAME = const(160)  # bytes of the payload, and units of the timestamp
_FRAME_MS = const(20)
_HEADER = const(12)
_MARKER = const(0x80)
_TARGET_MS = const(40)
_MOST_FRAMES = const(9)  # 180 ms: what a datagram on Ethernet holds

# Encoding name -> class(encoding) with encode and decode as G711 has them.
# The module of another codec adds itself.
CODECS = {"PCMA": g711, "PCMU": g711}

# RFC 3551, table 4. A peer may change at any time between the formats of an answer (RFC 3264,
# 6.1), so both are always heard.
_PCMU = const(0)
_PCMA = const(8)


class Session:
    """A stream that is being sent and received.

    `stream` has the attributes encoding ("PCMA" or "PCMU"), payload_type (what we send),
    event_payload_type (int or None), ptime_ms (what we send in one packet: a multiple of 20),
    sending and receiving (bool; may be changed at any time). ssrc (32 bits), sequence (16 bits)
    and timestamp (32 bits) are where we begin: random numbers (RFC 3550, 5.1). ring: a bytearray of
    RING_BYTES that nobody else uses meanwhile; None: a new one.

    Counters. Packets, audio and events alike: frames_sent; frames_received (each sequence number
    once, late ones included); frames_lost: sequence numbers that were skipped and have not come (a
    late packet has come: it is late, not lost); frames_late: audio that came after all of its
    playout time; frames_duplicate; malformed: datagrams that are no RTP, and events that are too
    short. Frames of 20 ms: frames_concealed: the speaker wanted audio of a stream that had begun,
    and some of it was missing; not counted while an event takes the place of audio, nor when
    stream.receiving is False.
    """

    def __init__(self, stream, ssrc, sequence, timestamp, ring=None):
        self.frames_sent = 0
        self.frames_received = 0
        self.frames_late = 0
        self.frames_duplicate = 0
        self.frames_concealed = 0
        self.malformed = 0
        self.jitter = JitterBuffer(_TARGET_MS, ring)
        self.concealment = Fade()
        self._source = Source()
        self._digits_received = Receiver()
        self._digits_to_send = Sender()
        self._numbering = Numbering(ssrc, sequence, timestamp)
        self._event_packet = self._numbering.new_packet(PAYLOAD_BYTES)
        self._event_view = memoryview(self._event_packet)
        self._codecs = {}  # by encoding
        self._encodings = {}  # by payload type; None: an event
        self._heard_type = -1  # the payload type of the audio in the jitter buffer
        self.update(stream)

    def update(self, stream):
        """Go on with what a new offer and answer agreed on; SSRC, sequence and timestamps continue
        (RFC 3264, 8).
        """
        self.stream = stream
        self._encoder = self._codec(stream.encoding)
        encodings = {_PCMU: "PCMU", _PCMA: "PCMA", stream.payload_type: stream.encoding}
        if encodings.get(self._heard_type) != self._encodings.get(self._heard_type):
            self._heard_type = -1
            self.jitter.reset()
        self._encodings = encodings
        self._event_payload_type = stream.event_payload_type
        if stream.event_payload_type is None:
            self._digits_to_send = Sender()
        else:
            encodings[stream.event_payload_type] = None
        self._source.payload_types = encodings
        frames = min(max(stream.ptime_ms // _FRAME_MS, 1), _MOST_FRAMES)
        self._frames_a_packet = frames
        self._packet = self._numbering.new_packet(frames * _FRAME)
        whole = memoryview(self._packet)
        # What is sent, by the number of frames in it.
        self._views = [whole[: _HEADER + i * _FRAME] for i in range(frames + 1)]
        self._gathered = 0  # frames in the packet so far
        self._marker = _MARKER  # of the next audio packet

    def _codec(self, encoding):
        if encoding not in self._codecs:
            self._codecs[encoding] = CODECS[encoding](encoding)
        return self._codecs[encoding]

    @property
    def frames_lost(self):
        return self._source.lost

    def receive(self, packet, length):
        """Take a datagram, packet[:length] of a bytearray or memoryview. Any bytes will do.

        Return whether it is an RTP packet of the stream's source, so that its sender's address may
        be believed.
        """
        source = self._source
        verdict = source.receive(packet, length)
        if verdict != NEWEST:
            if verdict == MALFORMED:
                self.malformed += 1
                return False
            if verdict == STRANGER:
                return False
            if verdict == DUPLICATE:
                self.frames_duplicate += 1
                return True
            if verdict == RESTARTED:
                self.jitter.reset()
                self._digits_received.reset()
        self.frames_received += 1
        if source.payload_type == self._event_payload_type:
            self._receive_event(packet, verdict != REORDERED)
        elif (
            self.stream.receiving
            and (source.payload_type == self._heard_type or self._hear(source.payload_type))
            and not self.jitter.put(source, packet)
        ):
            self.frames_late += 1
        return True

    def receive_joined(self, packet, length, heard):
        """Take what one readinto of a MicroPython socket gave: datagrams that waited come joined, without a seam.

        A seam is where the next header of the source begins. packet is a bytearray, and changed.
        heard(packet, length): told of each datagram.
        """
        while length:
            end = self._source.end(packet, length)
            heard(packet, end)
            self.receive(packet, end)
            length = drop_first(packet, end, length)

    def _hear(self, payload_type):
        # False: not audio.
        encoding = self._encodings.get(payload_type)
        if encoding is None:
            return False
        self.jitter.reset()
        self._heard_type = payload_type
        self._decoder = self._codec(encoding)
        return True

    def _receive_event(self, packet, in_order):
        source = self._source
        if source.length < PAYLOAD_BYTES:
            self.malformed += 1
            return
        duration = self._digits_received.receive(source, packet, in_order)
        # After the end, two repetitions of the end may still keep the audio waiting.
        self.jitter.excuse(source.timestamp, duration + 2 * _FRAME)

    def digit(self):
        """Return the next digit received ("0" to "9", "*", "#", "A" to "D"), each once, or None."""
        return self._digits_received.digit()

    def send_digit(self, digit, duration_ms=100):
        """Send a digit as RFC 4733 events, after those already queued; audio stands back for it.

        False: the peer takes no events, or 16 digits are waiting. ValueError: not a digit.
        """
        if self._event_payload_type is None:
            return False
        return self._digits_to_send.queue(digit, duration_ms)

    def tick(self, mic, speaker):
        """20 ms have passed: mic, array("h") of 160 samples or None if they were lost; speaker,
        filled likewise, or None.

        Return what to send, a memoryview that is valid until the next tick, or None.
        """
        jitter = self.jitter
        position = jitter.playout
        jitter.take()
        if speaker is not None:
            if jitter.missed and self.stream.receiving:
                self.frames_concealed += 1
            if self._heard_type >= 0:
                self._decoder.decode(jitter.ring, position, speaker)
            self.concealment.fill(speaker, jitter.present)
        packet = self._next_packet(mic)
        self._numbering.elapsed += _FRAME
        return packet

    def _next_packet(self, mic):
        # The marker says that the packet before did not come right before: the first of all, after
        # a mute, after frames that the microphone lost, after an event (RFC 3551, 4.1).
        gathered = self._gathered
        marker = self._marker
        if not self.stream.sending:
            self._gathered = 0
            self._marker = _MARKER
            return None
        if gathered == 0:
            if self._digits_to_send.busy and self._digits_to_send.is_due():
                return self._next_event_packet()
            if mic is None:
                self._marker = _MARKER
                return None
        if mic is None:
            self._marker = _MARKER
        else:
            self._encoder.encode(mic, self._packet, _HEADER + gathered * _FRAME)
            gathered += 1
            if gathered < self._frames_a_packet:
                self._gathered = gathered
                return None
            self._marker = 0
        # The packet began as many frames ago as had been gathered before this tick.
        self._numbering.number(
            self._packet, marker | self.stream.payload_type, self._gathered * _FRAME
        )
        self._gathered = 0
        self.frames_sent += 1
        return self._views[gathered]

    def _next_event_packet(self):
        digits = self._digits_to_send
        marker = _MARKER if digits.write(self._event_packet, _HEADER) else 0
        self._numbering.number(self._event_packet, marker | self._event_payload_type, digits.age)
        self._marker = _MARKER
        self.frames_sent += 1
        return self._event_view
