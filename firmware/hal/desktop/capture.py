"""A capture of the datagrams that this process sends and receives, as a classic pcap file.

Nobody needs root for it: the process writes down its own datagrams, under IPv4 and UDP headers
made up for the addresses it knows (RFC 791, RFC 768). Link type 228 (LINKTYPE_IPV4): a record
starts with the IPv4 header. Times are the wall clock's, in microseconds.

It does not capture what others send, knows no IPv6 and no fragments. The UDP checksum is 0, "none".
"""

import sys
import time
from struct import pack, pack_into, unpack_from

from micropython import const

_MICROPYTHON = sys.implementation.name == "micropython"
_MAGIC = const(0xA1B2C3D4)  # microseconds, in the byte order of the file
_LINKTYPE_IPV4 = const(228)
_HEADERS_BYTES = const(44)  # record 16, IPv4 20, UDP 8
_PACKET_HEADERS_BYTES = const(28)
_KEPT_BYTES = const(1500)  # of a payload: no RTP packet and no SIP message in one frame has more


class _Flow:
    """One direction between two addresses: the headers of its records, but for time and lengths."""

    def __init__(self, source, destination):
        self.headers = bytearray(_HEADERS_BYTES)
        # With Don't Fragment set every datagram may have the identification 0 (RFC 6864, 4.1).
        pack_into(">HHHHBB", self.headers, 16, 0x4500, 0, 0, 0x4000, 64, 17)
        self.headers[28:32] = _packed(source[0])
        self.headers[32:36] = _packed(destination[0])
        pack_into(">HH", self.headers, 36, source[1], destination[1])
        self.sum = sum(unpack_from(">10H", self.headers, 16))


class Capture:
    """A pcap file that is whole after every packet: a record is one unbuffered write.

    `path` is overwritten. Raises OSError if it cannot be written.
    """

    def __init__(self, path):
        if _MICROPYTHON:
            # The wall clock is read once: time_ns() allocates, ticks_us() does not.
            self._ticks = time.ticks_us()
            wall_us = time.time_ns() // 1000
            self._seconds = wall_us // 1000000
            self._microseconds = wall_us % 1000000
        self._record = bytearray(_HEADERS_BYTES + _KEPT_BYTES)
        self._file = open(path, "wb", 0)  # noqa: SIM115 - open until close()
        snap_bytes = _PACKET_HEADERS_BYTES + _KEPT_BYTES
        self._file.write(pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, snap_bytes, _LINKTYPE_IPV4))

    def flow(self, source, destination):
        """The headers for datagrams from `source` to `destination`, made once and kept.

        Both are tuples like ("127.0.0.1", 5060), with the address as a dotted quad.
        """
        return _Flow(source, destination)

    def packet(self, flow, data, length):
        """Record the first `length` bytes of `data` as a datagram of `flow`, with the time of now.

        Call it before sending and after receiving: then no answer stands before its request.
        Of a datagram over 1500 bytes the record keeps the beginning and the true length.
        Allocates nothing in MicroPython. Raises OSError when the disk is full.
        """
        kept = length if length < _KEPT_BYTES else _KEPT_BYTES
        if _MICROPYTHON:
            # "s" copies at most its width of what is there. A slice would be a new object.
            pack_into("44s1500s", self._record, 0, flow.headers, data)
        else:
            self._record[: _HEADERS_BYTES + kept] = flow.headers + bytes(data[:kept])
        self._put_lengths(flow, length + _PACKET_HEADERS_BYTES, kept)
        self._put_time()
        if _MICROPYTHON:
            self._file.write(self._record, _HEADERS_BYTES + kept)
        else:
            self._file.write(memoryview(self._record)[: _HEADERS_BYTES + kept])

    def close(self):
        self._file.close()

    # Apart, because a MicroPython function whose variables and operands take over 11 words
    # gets its frame from the heap at every call.

    def _put_lengths(self, flow, total, kept):
        pack_into("<II", self._record, 8, kept + _PACKET_HEADERS_BYTES, total)
        pack_into(">H", self._record, 18, total)
        pack_into(">H", self._record, 40, total - 20)
        total += flow.sum
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        pack_into(">H", self._record, 26, total ^ 0xFFFF)

    def _put_time(self):
        if _MICROPYTHON:
            now = time.ticks_us()
            microseconds = self._microseconds + time.ticks_diff(now, self._ticks)
            self._ticks = now
            self._seconds += microseconds // 1000000
            self._microseconds = microseconds % 1000000
            pack_into("<II", self._record, 0, self._seconds, self._microseconds)
        else:
            wall_us = time.time_ns() // 1000
            pack_into("<II", self._record, 0, wall_us // 1000000, wall_us % 1000000)


def _packed(host):
    return bytes([int(part) for part in host.split(".")])
