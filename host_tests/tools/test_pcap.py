"""Reading, merging and writing captures."""

import struct
from pathlib import Path

import pytest

from tools.pcap import Packet, merge, read, write

DATA = Path("host_tests/data/ladder")
DOOR, SERVER = ("127.0.0.1", 40000), ("127.0.0.1", 5060)
SECOND = 1_000_000_000


def file_of(path, link_type, frames, order="<", magic=0xA1B2C3D4):
    """A pcap file of frames, a record each, at 1 s and 500 ticks."""
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type))
        for frame in frames:
            file.write(struct.pack(order + "IIII", 1, 500, len(frame), len(frame)) + frame)
    return path


def udp(payload=b"payload", source_port=1000, destination_port=2000):
    return struct.pack(">HHHH", source_port, destination_port, 8 + len(payload), 0) + payload


def ipv4(data, protocol=17, identification=0, fragment=0):
    header = (0x45, 0, 20 + len(data), identification, fragment, 64, protocol, 0)
    return struct.pack(">BBHHHBBH", *header) + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + data


def ipv6(data, next_header=17):
    addresses = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "02")
    return struct.pack(">IHBB", 6 << 28, len(data), next_header, 64) + addresses + data


@pytest.mark.parametrize(
    "name, resolution_ns",
    [("sipp_ethernet", 1000), ("sipp_sll", 1000), ("sipp_sll2_nanoseconds", 1)],
)
def test_captures_of_tcpdump_hold_the_call_of_sipp(name, resolution_ns):
    packets = list(read(DATA / f"{name}.pcap"))
    assert [packet.payload.split(b"\r\n")[0] for packet in packets] == [
        b"INVITE sip:201@127.0.0.1:5070 SIP/2.0",
        b"SIP/2.0 180 Ringing",
        b"SIP/2.0 200 OK",
        b"ACK sip:201@127.0.0.1:5070 SIP/2.0",
        b"BYE sip:201@127.0.0.1:5070 SIP/2.0",
        b"SIP/2.0 200 OK",
    ]
    assert packets[0].source == ("127.0.0.1", 5071)
    assert packets[0].destination == ("127.0.0.1", 5070)
    exact = 1795390625_230586138
    assert packets[0].time_ns == exact - exact % resolution_ns


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic, time_ns", [(0xA1B2C3D4, 500_000), (0xA1B23C4D, 500)])
def test_both_byte_orders_and_resolutions_are_read(order, magic, time_ns, tmp_path):
    path = file_of(tmp_path / "x.pcap", 101, [ipv4(udp())], order, magic)
    expected = Packet(SECOND + time_ns, ("10.0.0.1", 1000), ("10.0.0.2", 2000), b"payload")
    assert list(read(path)) == [expected]


MACS = bytes(12)


@pytest.mark.parametrize(
    "link_type, before",
    [
        (0, b"\2\0\0\0"),
        (1, MACS + b"\x08\x00"),
        (1, MACS + b"\x81\x00\x00\x05\x08\x00"),
        (1, MACS + b"\x88\xa8\x00\x06\x81\x00\x00\x05\x08\x00"),
        (101, b""),
        (113, bytes(14) + b"\x08\x00"),
        (228, b""),
        (276, b"\x08\x00" + bytes(18)),
    ],
)
def test_link_types_are_read(link_type, before, tmp_path):
    path = file_of(tmp_path / "x.pcap", link_type, [before + ipv4(udp())])
    assert [packet.payload for packet in read(path)] == [b"payload"]


def test_ipv6_with_extension_headers_is_read(tmp_path):
    hop_by_hop = bytes((17, 0, 1, 4, 0, 0, 0, 0))
    path = file_of(tmp_path / "x.pcap", 229, [ipv6(udp()), ipv6(hop_by_hop + udp(b"more"), 0)])
    ends = (("2001:db8::1", 1000), ("2001:db8::2", 2000))
    assert [packet[1:] for packet in read(path)] == [(*ends, b"payload"), (*ends, b"more")]


def test_fragments_are_put_together_in_any_order(tmp_path):
    whole = udp(bytes(range(100)))
    parts = [
        ipv4(whole[48:], identification=7, fragment=6),
        ipv4(udp(b"between")),
        ipv4(whole[:48], identification=7, fragment=0x2000),
        ipv6(bytes((17, 0)) + struct.pack(">HI", 0 | 1, 9) + whole[:48], 44),
        ipv6(bytes((17, 0)) + struct.pack(">HI", 48, 9) + whole[48:], 44),
        ipv4(whole[48:], identification=8, fragment=6),  # its first part never comes
    ]
    payloads = [packet.payload for packet in read(file_of(tmp_path / "x.pcap", 101, parts))]
    assert payloads == [b"between", bytes(range(100)), bytes(range(100))]


def test_what_is_not_udp_is_left_out(tmp_path):
    padded = MACS + b"\x08\x00" + ipv4(udp(b"short")) + bytes(9)  # Ethernet pads up to 60 bytes
    frames = [
        MACS + b"\x08\x06" + bytes(46),  # ARP
        MACS + b"\x08\x00" + ipv4(bytes(20), protocol=6),
        MACS + b"\x08\x00" + ipv4(b"\0\0")[:21],
        b"",
        padded,
    ]
    packets = list(read(file_of(tmp_path / "x.pcap", 1, frames)))
    assert [packet.payload for packet in packets] == [b"short"]


def test_a_record_cut_short_ends_the_file(tmp_path):
    path = file_of(tmp_path / "x.pcap", 101, [ipv4(udp(b"first")), ipv4(udp(b"last"))])
    data = path.read_bytes()
    for cut in (1, len(ipv4(udp(b"last"))), len(ipv4(udp(b"last"))) + 3):
        path.write_bytes(data[:-cut])
        assert [packet.payload for packet in read(path)] == [b"first"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not a pcap file"),
        (b"RIFF" + bytes(40), "not a pcap file"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "editcap -F pcap"),
        (struct.pack("<I", 0xA1B2C3D4) + bytes(7), "ends within its header"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105), "link type 105"),
    ],
)
def test_other_files_are_refused_with_the_reason(content, message, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(read(path))


def seen(milliseconds, payload=b"INVITE", source=DOOR, destination=SERVER):
    return Packet(int(milliseconds * 1e6), source, destination, payload)


def test_a_datagram_that_both_ends_saw_is_one_with_the_earlier_time():
    door = [seen(10), seen(12, b"100", SERVER, DOOR)]
    server = [seen(10.2), seen(11.9, b"100", SERVER, DOOR)]
    assert merge(door, server) == [seen(10), seen(11.9, b"100", SERVER, DOOR)]


def test_a_retransmission_that_both_ends_saw_stays_a_retransmission():
    door, server = [seen(0), seen(500), seen(1500)], [seen(0.1), seen(500.1), seen(1500.1)]
    assert merge(door, server) == door


def test_a_retransmission_whose_first_copy_was_lost_on_the_way_stays_one():
    assert merge([seen(0), seen(500)], [seen(500.1)]) == [seen(0), seen(500)]


def test_a_retransmission_that_only_one_end_saw_is_kept():
    assert merge([seen(0)], [seen(0.1), seen(500)]) == [seen(0), seen(500)]


def test_three_captures_of_one_datagram_are_one_datagram():
    assert merge([seen(1)], [seen(2)], [seen(3)]) == [seen(1)]


def test_the_same_bytes_much_later_or_elsewhere_are_another_datagram():
    assert merge([seen(0)], [seen(1001)]) == [seen(0), seen(1001)]
    other = seen(0, destination=("127.0.0.1", 5061))
    assert merge([seen(0)], [other]) == [seen(0), other]


def test_what_is_written_is_read_back_with_right_checksums(tmp_path):
    packets = [
        Packet(5 * SECOND + 123_456_789, DOOR, SERVER, b"odd"),
        Packet(6 * SECOND, ("2001:db8::1", 5060), ("::1", 65535), bytes(1300)),
        Packet(7 * SECOND, SERVER, DOOR, b""),
    ]
    path = tmp_path / "x.pcap"
    write(path, packets)
    assert list(read(path)) == packets
    data = path.read_bytes()
    ip = data[40 : 40 + 31]
    assert ones_complement_sum(ip[:20]) == 0xFFFF
    pseudo_header = ip[12:20] + struct.pack(">HH", 17, len(ip) - 20)
    assert ones_complement_sum(pseudo_header + ip[20:] + b"\0") == 0xFFFF


def ones_complement_sum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return (total & 0xFFFF) + (total >> 16)
