"""One call's audio: microphone and speaker on one side, RTP on the other, one turn each 20 ms.

The microphone's clock drives both directions. After the first packets nothing here allocates memory. The peer's
address is learned from its first packet (symmetric RTP, RFC 4961), so that a wrong address in an SDP does no harm.
"""

import gc
from array import array

from media.session import CODECS, FRAME_SAMPLES, RING_BYTES, Session
from micropython import const

_LONGEST_PACKET_BYTES = const(1024)  # the longest is one of 60 ms; those that waited come joined
# A turn that finds more than this leaves the rest to the next: hostile floods cost bounded time.
_MOST_PACKETS = const(8)
_COUNTERS = (
    "frames_sent",
    "frames_received",
    "frames_lost",
    "frames_late",
    "frames_duplicate",
    "frames_concealed",
    "malformed",
)


class Voice:
    """The voice of a door, for one call at a time.

    audio: the hal's Audio. open_socket(): a new UdpSocket. random: random(n) → n random bytes.
    """

    def __init__(self, audio, open_socket, random):
        self.audio = audio
        self.session = None
        self.counters = {}
        self._open_socket = open_socket
        self._random = random
        self._socket = None
        self._peer = None  # where packets go until the first one comes
        self._is_latched = False
        self._heard = None  # the socket's, once it is latched
        self._microphone = array("h", bytes(2 * FRAME_SAMPLES))
        self._speaker = array("h", bytes(2 * FRAME_SAMPLES))
        self._packet = bytearray(_LONGEST_PACKET_BYTES)
        # The largest piece of a session, taken while the heap is still in one piece.
        self._ring = bytearray(RING_BYTES)
        CODECS["PCMA"]("PCMA")  # the one that is offered first

    def open(self):
        """Open a socket for the call that an offer is about. Returns its port. Raises OSError."""
        self.stop()
        self._socket = self._open_socket()
        return self._socket.port

    def start(self, stream):
        """Talk as the sdp.Stream says."""
        gc.collect()  # what stays for the call then lies together, and a call needs no collection
        seed = self._random(8)
        ssrc = seed[0] << 24 | seed[1] << 16 | seed[2] << 8 | seed[3]
        timestamp = seed[4] << 16 | seed[5] << 8
        self.session = Session(stream, ssrc, seed[6] << 8 | seed[7], timestamp, self._ring)
        self._peer = (stream.host, stream.port)
        self._is_latched = False
        self.audio.start()

    def update(self, stream):
        """Go on as a new offer and answer say. A peer that moved is listened for anew, on the same port."""
        self.session.update(stream)
        peer = (stream.host, stream.port)
        if stream.sending and peer != self._peer:
            port = self._socket.port
            self._socket.close()
            self._socket = self._open_socket(port)
            self._peer = peer
            self._is_latched = False

    def stop(self):
        """End the call's audio; what it counted stays in `counters`."""
        socket, was_running = self._socket, self.is_running()
        if was_running:
            self.counters = self.count()
        self._socket = self._peer = self.session = self._heard = None
        if socket:
            socket.close()
        if was_running:
            self.audio.stop()

    def count(self):
        """What media.session.Session counts, and frames that the hardware lost, of this or the last call: a dict."""
        session, audio = self.session, self.audio
        if session is None:
            return self.counters
        counted = {name: getattr(session, name) for name in _COUNTERS}
        counted["microphone_lost"] = audio.frames_lost
        counted["speaker_underruns"] = audio.underruns
        return counted

    def is_running(self):
        return self._peer is not None

    def wait_ms(self):
        """ms until the next frame of the microphone."""
        return self.audio.wait_ms()

    # The frame of a MicroPython function over 11 words lives in the heap: these are short on purpose.

    def turn(self):
        """Take what arrived, and do a tick for each frame that the microphone has. Returns a digit or None."""
        if self._is_latched:
            self._receive()
        else:
            self._receive_first()
        while self._tick():
            pass
        return self.session.digit()

    def _receive(self):
        for _ in range(_MOST_PACKETS):
            length = self._socket.readinto(self._packet)
            if not length:
                return
            self.session.receive_joined(self._packet, length, self._heard)

    def _tick(self):
        """Whether the microphone had a frame, and a tick was done for it."""
        taken = self.audio.read(self._microphone)
        if not taken:
            return False
        packet = self.session.tick(self._microphone if taken > 0 else None, self._speaker)
        self.audio.write(self._speaker)
        if packet:
            self._send(packet)
        return True

    def _receive_first(self):
        for _ in range(_MOST_PACKETS):
            received = self._socket.receive(_LONGEST_PACKET_BYTES)
            if received is None:
                return
            data, address = received
            if self.session.receive(data, len(data)):
                self._socket.connect(address)
                self._heard = self._socket.heard
                self._is_latched = True
                return

    def _send(self, packet):
        if self._is_latched:
            self._socket.write(packet)
        else:
            self._socket.send(packet, self._peer)
