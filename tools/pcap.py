"""Captured datagrams: reads classic pcap files, merges several into one, writes one.

It reads what the programs of this project capture of themselves, and what tcpdump writes: both byte
orders, micro- and nanoseconds, link types 0 (BSD loopback), 1 (Ethernet, with VLAN tags), 101 (raw
IP), 113 and 276 (Linux "any"), 228 and 229 (IPv4, IPv6). UDP over IPv4 (RFC 791) and IPv6
(RFC 8200), fragments put together. It does not read pcapng, TCP or what is inside a tunnel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, NamedTuple

Endpoint = tuple[str, int]  # address as text, port
Parts = dict[int, tuple[bytes, bool]]  # fragments by offset: data, and whether more follow


class Packet(NamedTuple):
    """One UDP datagram. The time is the capture's wall clock in nanoseconds."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    payload: bytes


# Where the IP packet starts in a frame, by link type. Ethernet is looked at more closely.
IP_AT = {0: 4, 1: 14, 101: 0, 113: 16, 228: 0, 229: 0, 276: 20}
ETHERNET = 1
RAW = 101
UDP = 17
IPV6_EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options
IPV6_FRAGMENT = 44
# Two processes on one machine see the same datagram well within this time.
SAME_DATAGRAM_NS = 1_000_000_000


def read(path: str | Path) -> Iterator[Packet]:
    """The UDP datagrams of a pcap file, in its order.

    A last record that is cut short, as a killed process leaves it, is left out. Raises ValueError
    for anything that is not a classic pcap file or has a link type unknown here.
    """
    with open(path, "rb") as file:
        fragments: dict[bytes, Parts] = {}
        for time_ns, frame in _frames(file, str(path)):
            packet = _datagram(time_ns, frame, fragments)
            if packet is not None:
                yield packet


def merge(*captures: Iterable[Packet]) -> list[Packet]:
    """All datagrams of the captures in the order of time, each once.

    A datagram that two captures hold within a second (same addresses, same payload) is one datagram
    and keeps the earlier time. One that a single capture holds twice was sent twice and stays so.
    """
    everything = sorted(
        ((packet, number) for number, capture in enumerate(captures) for packet in capture),
        key=lambda item: item[0].time_ns,
    )
    merged: list[Packet] = []
    # For each datagram the copies that may still come: its first time and who has seen it.
    open_copies: dict[tuple[Endpoint, Endpoint, bytes], list[tuple[int, set[int]]]] = {}
    for packet, number in everything:
        copies = open_copies.setdefault(packet[1:], [])
        copies[:] = [copy for copy in copies if packet.time_ns - copy[0] <= SAME_DATAGRAM_NS]
        for _, seen_by in copies:
            if number not in seen_by:
                seen_by.add(number)
                break
        else:
            copies.append((packet.time_ns, {number}))
            merged.append(packet)
    return merged


def write(path: str | Path, packets: Iterable[Packet]) -> None:
    """Write the datagrams as a pcap file: nanoseconds, link type 101, all checksums right."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, RAW))
        for packet in packets:
            data = _ip_packet(packet)
            seconds, nanoseconds = divmod(packet.time_ns, 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, nanoseconds, len(data), len(data)))
            file.write(data)


def _frames(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    header = file.read(24)
    magic = header[:4]
    for order in "<>":
        if magic == struct.pack(order + "I", 0xA1B2C3D4):
            nanoseconds_per_tick = 1000
            break
        if magic == struct.pack(order + "I", 0xA1B23C4D):
            nanoseconds_per_tick = 1
            break
    else:
        if magic == b"\x0a\x0d\x0d\x0a":
            raise ValueError(f"{name} is a pcapng file; `editcap -F pcap` makes a pcap file of it")
        raise ValueError(f"{name} is not a pcap file")
    if len(header) < 24:
        raise ValueError(f"{name} ends within its header")
    link_type = struct.unpack(order + "I", header[20:])[0] & 0xFFFF
    if link_type not in IP_AT:
        raise ValueError(f"{name} has the link type {link_type}; known are {sorted(IP_AT)}")
    while True:
        record = file.read(16)
        if len(record) < 16:
            return
        seconds, fraction, length, _ = struct.unpack(order + "IIII", record)
        frame = file.read(length)
        if len(frame) < length:
            return
        ip_at = IP_AT[link_type]
        if link_type == ETHERNET:
            while frame[ip_at - 2 : ip_at] in (b"\x81\x00", b"\x88\xa8"):
                ip_at += 4
        yield seconds * 1_000_000_000 + fraction * nanoseconds_per_tick, frame[ip_at:]


def _datagram(time_ns: int, ip: bytes, fragments: dict[bytes, Parts]) -> Packet | None:
    """The datagram of an IP packet; None if it is something else or a part of a datagram."""
    if len(ip) < 20:
        return None
    if ip[0] >> 4 == 4:
        source, destination = ip[12:16], ip[16:20]
        protocol = ip[9]
        total, _, fragment = struct.unpack_from(">HHH", ip, 2)
        identity = ip[4:6] + ip[12:20]
        offset, more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
        data = ip[(ip[0] & 15) * 4 : total or None]  # 0: left to the network card to fill in
    elif ip[0] >> 4 == 6 and len(ip) >= 40:
        source, destination = ip[8:24], ip[24:40]
        protocol = ip[6]
        data = ip[40 : 40 + int.from_bytes(ip[4:6], "big")]
        offset, more, identity = 0, False, b""
        while protocol in (*IPV6_EXTENSIONS, IPV6_FRAGMENT) and len(data) >= 8:
            length = 8
            if protocol == IPV6_FRAGMENT:
                field = int.from_bytes(data[2:4], "big")
                offset, more = field & 0xFFF8, bool(field & 1)
                identity = data[4:8] + ip[8:40]
            else:
                length += data[1] * 8
            protocol, data = data[0], data[length:]
    else:
        return None
    if protocol != UDP:
        return None
    if offset or more:
        whole = _reassembled(fragments.setdefault(identity, {}), offset, data, more)
        if whole is None:
            return None
        del fragments[identity]
        data = whole
    if len(data) < 8:
        return None
    source_port, destination_port, length = struct.unpack_from(">HHH", data)
    return Packet(
        time_ns,
        (str(ip_address(source)), source_port),
        (str(ip_address(destination)), destination_port),
        data[8:length],
    )


def _reassembled(parts: Parts, offset: int, data: bytes, more: bool) -> bytes | None:
    """The whole, once its last part is there."""
    parts[offset] = (data, more)
    whole = b""
    while len(whole) in parts:
        data, more = parts[len(whole)]
        whole += data
        if not more:
            return whole
        if not data:
            return None
    return None


def _ip_packet(packet: Packet) -> bytes:
    source, destination = ip_address(packet.source[0]), ip_address(packet.destination[0])
    length = 8 + len(packet.payload)
    udp = struct.pack(">HHH", packet.source[1], packet.destination[1], length)
    addresses = source.packed + destination.packed
    checksum = _checksum(addresses + struct.pack(">HH", UDP, length) + udp + packet.payload)
    udp += struct.pack(">H", checksum or 0xFFFF) + packet.payload
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, length, UDP, 64) + addresses + udp
    start = struct.pack(">HHHHBB", 0x4500, 20 + length, 0, 0x4000, 64, UDP)
    return start + struct.pack(">H", _checksum(start + addresses)) + addresses + udp


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
