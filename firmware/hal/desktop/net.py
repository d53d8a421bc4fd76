"""UDP on a desktop, under both interpreters.

The unix port of MicroPython wants packed addresses and has no getsockname; CPython wants tuples.
"""

import os
import socket

from .interpreter import packed, readable, reader_of, unpacked

# Ports for who asks for none in particular (RFC 6335 section 6), even ones, as RTP likes them.
_FIRST_PORT = 49152
_PORTS = 8192


class Link:
    """The network of a desktop is up. `address` is the one that boards/….json or simulate names."""

    def __init__(self, settings):
        self.address = settings.get("address", "127.0.0.1")
        self.capture = None
        if "capture" in settings:
            from .capture import Capture

            self.capture = Capture(settings["capture"])

    def up(self):
        return True

    def socket(self, port=0):
        """A UdpSocket at our address. Raises OSError when the port is taken."""
        return UdpSocket(self.address, port, self.capture)


class UdpSocket:
    """A non-blocking UDP socket at (host, port); port 0 takes a free even one.

    Addresses are (host, port). After `connect` only that peer is heard, and `readinto` and
    `write` allocate nothing.
    """

    def __init__(self, host, port=0, capture=None):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._readinto = reader_of(self._socket)
        self.host = host
        self.port = self._bind(port)
        self._capture = capture
        self._names = {}  # (host, port) → packed address
        self._flows = None  # of the capture: in and out, once connected

    def _bind(self, port):
        if port:
            self._socket.bind(packed(self.host, port))
            return port
        for _ in range(100):
            two = os.urandom(2)
            port = _FIRST_PORT + 2 * ((two[0] << 8 | two[1]) % _PORTS)
            try:
                self._socket.bind(packed(self.host, port))
                return port
            except OSError:
                pass
        raise OSError("no free UDP port at " + self.host)

    def readable(self):
        """Awaitable until a datagram is there."""
        return readable(self._socket)

    def receive(self, limit=1500):
        """(data, (host, port)) of one datagram, cut to `limit` bytes; or None."""
        try:
            data, address = self._socket.recvfrom(limit)
        except OSError:  # nothing there, or an ICMP error that an earlier send earned
            return None
        address = unpacked(address)
        self._note(address, (self.host, self.port), data)
        return data, address

    def send(self, data, address):
        """Send one datagram. False when the network would not take it or the name is not known."""
        known = self._names.get(address)
        try:
            if known is None:
                if len(self._names) > 16:
                    self._names.clear()
                known = self._names[address] = packed(address[0], address[1])
            # Noted before it is sent, so that no answer stands before its request.
            self._note((self.host, self.port), unpacked(known), data)
            self._socket.sendto(data, known)
        except OSError:
            self._names.pop(address, None)  # a name may have moved: ask again next time
            return False
        return True

    def connect(self, address):
        self._socket.connect(packed(address[0], address[1]))
        if self._capture:
            own = (self.host, self.port)
            self._flows = (self._capture.flow(address, own), self._capture.flow(own, address))

    # The frame of a MicroPython function over 11 words lives in the heap: these are short on purpose.

    def readinto(self, buffer):
        """The length of what the connected peer sent, or 0. MicroPython joins the datagrams that wait."""
        try:
            return self._readinto(buffer) or 0
        except OSError:
            return 0

    def heard(self, buffer, length):
        """Note one datagram of what `readinto` gave: only who takes them apart knows where it ends."""
        if self._capture:
            self._capture.packet(self._flows[0], buffer, length)

    def write(self, data):
        """Send to the connected peer. False when the network would not take it."""
        if self._capture:
            self._capture.packet(self._flows[1], data, len(data))
        try:
            self._socket.send(data)
        except OSError:
            return False
        return True

    def close(self):
        self._socket.close()

    def _note(self, source, destination, data):
        if self._capture:
            flow = self._capture.flow(source, destination)
            self._capture.packet(flow, data, len(data))
