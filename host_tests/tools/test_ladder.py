"""The ladder picture: what it tells of a flow, as text and as SVG."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import pcap
from tools.ladder import ladder, main
from tools.pcap import Packet

DATA = Path("host_tests/data/ladder")
DOOR, SERVER, PHONE = ("127.0.0.1", 40000), ("127.0.0.1", 5060), ("127.0.0.1", 40010)
DOOR_RTP, PHONE_RTP = ("127.0.0.1", 40002), ("127.0.0.1", 40012)
NAMES = {"127.0.0.1:40000": "door", "127.0.0.1:5060": "server", "127.0.0.1:40010": "phone"}
START_NS = 1_700_000_000_000_000_000


def packet(milliseconds, source, destination, payload):
    return Packet(START_NS + int(milliseconds * 1e6), source, destination, payload)


def sip(milliseconds, source, destination, first_line, cseq, sdp="", headers=""):
    text = f"{first_line}\r\nCSeq: {cseq}\r\n{headers}"
    text += f"Content-Type: application/sdp\r\n\r\n{sdp}" if sdp else "\r\n"
    return packet(milliseconds, source, destination, text.encode())


def sdp(
    endpoint, formats="8 0 101", lines="a=rtpmap:101 telephone-event/8000\r\n", proto="RTP/AVP"
):
    return (
        f"v=0\r\no=- 1 1 IN IP4 {endpoint[0]}\r\ns=-\r\nc=IN IP4 {endpoint[0]}\r\nt=0 0\r\n"
        f"m=audio {endpoint[1]} {proto} {formats}\r\n{lines}"
    )


def rtp(milliseconds, source, destination, sequence, payload_type=8, timestamp=0, payload=b"\xd5"):
    header = struct.pack(">BBHII", 0x80, payload_type, sequence % 65536, timestamp, 7)
    return packet(milliseconds, source, destination, header + payload)


def call():
    """A call through a server that stays out of the media: both streams, one packet lost, a digit."""
    invite = "INVITE sip:201@127.0.0.1:5060 SIP/2.0"
    to_phone = "INVITE sip:201@127.0.0.1:40010;transport=udp SIP/2.0"
    packets = [
        sip(0, DOOR, SERVER, invite, "1 INVITE", sdp(DOOR_RTP)),
        sip(1, SERVER, PHONE, to_phone, "1 INVITE", sdp(DOOR_RTP)),
        sip(2, PHONE, SERVER, "SIP/2.0 180 Ringing", "1 INVITE"),
        sip(3, SERVER, DOOR, "SIP/2.0 180 Ringing", "1 INVITE"),
        sip(900, PHONE, SERVER, "SIP/2.0 200 OK", "1 INVITE", sdp(PHONE_RTP)),
        sip(901, SERVER, DOOR, "SIP/2.0 200 OK", "1 INVITE", sdp(PHONE_RTP)),
        sip(902, DOOR, SERVER, "ACK sip:201@127.0.0.1:40010 SIP/2.0", "1 ACK"),
        sip(4000, PHONE, DOOR, "BYE sip:door@127.0.0.1:40000 SIP/2.0", "7 BYE"),
        sip(4000.5, DOOR, PHONE, "SIP/2.0 200 OK", "7 BYE"),
    ]
    for i in range(100):
        packets.append(rtp(910 + 20 * i, DOOR_RTP, PHONE_RTP, 65500 + i))
        if 40 <= i < 46:  # the digit 5, as RFC 4733 says: one time stamp, growing, the end marked
            event = struct.pack(">BBH", 5, 0x8A if i == 45 else 10, 160 * (i - 39))
            packets.append(rtp(911 + 20 * i, PHONE_RTP, DOOR_RTP, i, 101, 8000, event))
        elif i != 30:
            packets.append(rtp(911 + 20 * i, PHONE_RTP, DOOR_RTP, i))
    return sorted(packets, key=lambda packet: packet.time_ns)


def rows(picture):
    return [(row.kind, row.source, row.destination, row.labels[0]) for row in picture.rows]


def test_a_call_is_told_in_the_order_of_time():
    assert rows(ladder(call(), NAMES)) == [
        ("request", "door", "server", "INVITE sip:201@127.0.0.1:5060 (1) SDP PCMA PCMU"),
        ("request", "server", "phone", "INVITE sip:201@127.0.0.1:40010 (1) SDP PCMA PCMU"),
        ("provisional", "phone", "server", "180 Ringing (INVITE)"),
        ("provisional", "server", "door", "180 Ringing (INVITE)"),
        ("success", "phone", "server", "200 OK (INVITE) SDP PCMA PCMU"),
        ("success", "server", "door", "200 OK (INVITE) SDP PCMA PCMU"),
        ("request", "door", "server", "ACK sip:201@127.0.0.1:40010 (1)"),
        ("media", "door", "phone", "RTP PCMA · 100 packets · 2.0 s"),
        ("media", "phone", "door", "RTP PCMA · 99 packets · 1 lost · 2.0 s"),
        ("digit", "phone", "door", "DTMF 5"),
        ("request", "phone", "door", "BYE sip:door@127.0.0.1:40000 (7)"),
        ("success", "door", "phone", "200 OK (BYE)"),
    ]


def test_the_text_is_a_ladder():
    notes = [(START_NS - 2_000_000, "door", "press"), (START_NS + 899_000_000, "phone", "answered")]
    picture = ladder(call(), NAMES, notes, START_NS - 2_000_000, "A call")
    assert picture.text().splitlines() == [
        "A call",
        "",
        "       ms  door                                     server                                     phone",
        "           127.0.0.1:40000                      127.0.0.1:5060                       127.0.0.1:40010",
        "      0.0  ● press                                     │                                           │",
        "      2.0  │─── INVITE sip:201@… (1) SDP PCMA PCMU ───>│                                           │",
        "      3.0  │                                           │─── INVITE sip:201@… (1) SDP PCMA PCMU ───>│",
        "      4.0  │                                           │<───────── 180 Ringing (INVITE) ───────────│",
        "      5.0  │<───────── 180 Ringing (INVITE) ───────────│                                           │",
        "    901.0  │                                           │                                  answered ●",
        "    902.0  │                                           │<───── 200 OK (INVITE) SDP PCMA PCMU ──────│",
        "    903.0  │<───── 200 OK (INVITE) SDP PCMA PCMU ──────│                                           │",
        "    904.0  │───── ACK sip:201@127.0.0.1:40010 (1) ────>│                                           │",
        "    912.0  │═══════════════════════════ RTP PCMA · 100 packets · 2.0 s ═══════════════════════════>│",
        "    913.0  │<══════════════════════ RTP PCMA · 99 packets · 1 lost · 2.0 s ════════════════════════│",
        "   1713.0  │<══════════════════════════════════════ DTMF 5 ════════════════════════════════════════│",
        "           ┊                                           ┊                                           ┊",
        "   4002.0  │<───────────────────────── BYE sip:door@127.0.0.1:40000 (7) ───────────────────────────│",
        "   4002.5  │──────────────────────────────────── 200 OK (BYE) ────────────────────────────────────>│",
    ]


def test_rfc_3665_call_through_two_proxies_has_its_four_columns():
    alice, bob = ("192.0.2.101", 5060), ("192.0.2.201", 5060)
    proxy_1, proxy_2 = ("192.0.2.111", 5060), ("192.0.2.222", 5060)
    names = {"192.0.2.101": "Alice", "192.0.2.111": "Proxy 1", "192.0.2.222": "Proxy 2"}
    forward, back = [alice, proxy_1, proxy_2, bob], [bob, proxy_2, proxy_1, alice]
    # Who sends F1 to F23 to whom, by the RFC's ladder: the ends, and how many hops from there.
    hops = [(forward, 0), (back, 2), (forward, 0), (forward, 0), (forward, 1), (back, 2)]
    hops += [(forward, 2), (back, 1)] + [(way, i) for way in (back, back) for i in range(3)]
    hops += [(way, i) for way in (forward, back, forward) for i in range(3)]
    files = sorted((DATA / "rfc3665_3.2").iterdir())
    packets = [
        packet(10 * i, way[hop], way[hop + 1], file.read_bytes())
        for i, ((way, hop), file) in enumerate(zip(hops, files, strict=True))
    ]
    media = [rtp(145, ("192.0.2.101", 49172), ("192.0.2.201", 3456), i, 0) for i in range(3)]
    picture = ladder(sorted(packets + media), names)
    assert [p.name for p in picture.participants] == [
        "Alice",
        "Proxy 1",
        "Proxy 2",
        bob[0] + ":5060",
    ]
    told = rows(picture)
    assert told[0] == (
        "request",
        "Alice",
        "Proxy 1",
        "INVITE sip:bob@biloxi.example.com (1) SDP PCMU",
    )
    assert told[1] == (
        "provisional",
        "Proxy 1",
        "Alice",
        "407 Proxy Authorization Required (INVITE)",
    )
    assert told[3][3] == "INVITE sip:bob@biloxi.example.com (2) SDP PCMU"
    assert told[15] == ("media", "Alice", "192.0.2.201:5060", "RTP PCMU · 3 packets · 0.0 s")
    assert told[-1] == ("success", "Proxy 2", "192.0.2.201:5060", "200 OK (BYE)")
    assert len(told) == 24


def test_the_same_bytes_again_are_a_retransmission():
    again = [sip(t, DOOR, SERVER, "INVITE sip:201@host SIP/2.0", "1 INVITE") for t in (0, 500)]
    back = [sip(t, SERVER, DOOR, "SIP/2.0 486 Busy Here", "1 INVITE") for t in (600, 601)]
    picture = ladder(again + back, NAMES)
    assert [row.repeated for row in picture.rows] == [False, True, False, True]
    assert picture.rows[1].labels[0] == "INVITE sip:201@host (1) retransmission"
    assert picture.rows[3].labels[0] == "486 Busy Here (INVITE) retransmission"
    assert "┄┄┄┄ 486 Busy Here (INVITE) retransmission" in picture.text()


def test_compact_and_folded_headers_are_read():
    payload = (DATA / "freeswitch_401_compact_headers.sip").read_bytes()
    assert ladder([packet(0, SERVER, DOOR, payload)]).rows[0].labels[0] == (
        "401 Unauthorized (REGISTER)"
    )
    folded = b"INVITE sip:1@h SIP/2.0\r\ncseq:\r\n 8\r\n\tINVITE\r\nC : application/SDP\r\n\r\n"
    packets = [packet(0, DOOR, SERVER, folded + sdp(DOOR_RTP).encode())]
    assert ladder(packets).rows[0].labels[0] == "INVITE sip:1@h (8) SDP PCMA PCMU"


@pytest.mark.parametrize(
    "status, kind",
    [(100, "provisional"), (200, "success"), (302, "provisional"), (401, "provisional"),
     (407, "provisional"), (404, "failure"), (487, "failure"), (503, "failure"), (603, "failure")],
)  # fmt: skip
def test_responses_are_of_kinds(status, kind):
    picture = ladder([sip(0, SERVER, DOOR, f"SIP/2.0 {status} Reason", "1 INVITE")])
    assert picture.rows[0].kind == kind


def test_the_digits_of_rfc_4733_table_5_are_each_told_once():
    table = json.loads(Path("host_tests/data/media/sequence_911.json").read_text())
    offer = sdp(DOOR_RTP, "8 100", "a=rtpmap:100 telephone-event/8000\r\n")
    packets = [sip(0, DOOR, PHONE, "INVITE sip:1@h SIP/2.0", "1 INVITE", offer)]
    for line in table["packets"]:
        data = bytes.fromhex(line["hex"])
        packets += [packet(line["t_ms"], PHONE_RTP, DOOR_RTP, data)] * 2  # each doubled on the way
    digits = [row.labels[0] for row in ladder(packets, NAMES).rows if row.kind == "digit"]
    assert digits == ["DTMF 9", "DTMF 1", "DTMF 1"]


def test_what_payload_types_mean_is_what_the_receiver_announced():
    door = sdp(DOOR_RTP, "97", "a=rtpmap:97 G722/8000\r\n")
    phone = sdp(PHONE_RTP, "97", "a=rtpmap:97 opus/48000/2\r\n")
    packets = [
        rtp(0, PHONE_RTP, DOOR_RTP, 1, 97),  # overtakes the answer
        sip(1, DOOR, PHONE, "INVITE sip:1@h SIP/2.0", "1 INVITE", door),
        sip(2, PHONE, DOOR, "SIP/2.0 200 OK", "1 INVITE", phone),
        rtp(3, DOOR_RTP, PHONE_RTP, 1, 97),
    ]
    assert [row.labels[-1] for row in ladder(packets, NAMES).rows if row.kind == "media"] == [
        "RTP G722",
        "RTP opus",
    ]


def test_encrypted_media_is_called_so_and_its_digits_are_not_guessed():
    offer = sdp(DOOR_RTP, proto="RTP/SAVP")
    packets = [sip(0, DOOR, PHONE, "INVITE sip:1@h SIP/2.0", "1 INVITE", offer)]
    packets += [rtp(i, PHONE_RTP, DOOR_RTP, i, 101, 800, bytes(14)) for i in range(1, 9)]
    picture = ladder(packets, NAMES)
    assert [row.labels[-1] for row in picture.rows[1:]] == ["SRTP"]


def test_only_what_looks_like_rtp_and_goes_on_is_taken_for_unannounced_media():
    here, there = ("10.0.0.1", 4000), ("10.0.0.2", 4000)
    few = [rtp(20 * i, here, there, i) for i in range(4)]
    rtcp = [packet(i, here, there, b"\x80\xc8" + bytes(26)) for i in range(9)]
    stun = [packet(i, here, there, b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)) for i in range(9)]
    other = [packet(i, here, there, data) for i, data in enumerate((b"", b"\r\n\r\n", b"\x80"))]
    assert ladder(few + rtcp + stun + other).rows == []
    enough = [*few, rtp(80, here, there, 4)]
    assert rows(ladder(enough)) == [
        ("media", "10.0.0.1:4000", "10.0.0.2:4000", "RTP PCMA · 5 packets · 0.1 s")
    ]


def test_rtp_from_an_unannounced_port_belongs_to_the_one_participant_of_that_host():
    phone, door = ("10.0.0.9", 5060), ("10.0.0.1", 5060)
    invite = sip(0, door, phone, "INVITE sip:1@h SIP/2.0", "1 INVITE", sdp(("10.0.0.1", 4000)))
    packets = [invite, rtp(1, ("10.0.0.9", 61000), ("10.0.0.1", 4000), 1)]
    assert rows(ladder(packets, {"10.0.0.9": "phone", "10.0.0.1": "door"}))[1][1:3] == (
        "phone",
        "door",
    )


def test_hostile_bytes_neither_stop_it_nor_reach_the_terminal_or_the_markup():
    evil = "INVITE sip:<b>\x1b[31m&@h\u202e SIP/2.0"
    sdp_evil = (
        "v=0\r\nm=audio x RTP/AVP \u00b2 9999 8\r\nc=IN IP4\r\na=rtpmap:z\r\nm=\r\nm=audio 1 A\r\n"
    )
    packets = [
        sip(0, DOOR, SERVER, evil, "1 INVITE", sdp_evil),
        packet(1, DOOR, SERVER, b"SIP/2.0 abc Nothing\r\n\r\n"),
        packet(2, DOOR, SERVER, b"SIP/2.0"),
        packet(3, SERVER, DOOR, b"SIP/2.0 200 \xff\xfe\n\n"),
    ]
    picture = ladder(packets, {"127.0.0.1:40000": "<door>"}, [(START_NS, "<door>", '<&">')])
    assert [row.kind for row in picture.rows] == ["request", "note", "success"]
    assert "\x1b" not in picture.text() and "\u202e" not in picture.text()
    assert "<b>[31m&@h" in "".join(ElementTree.fromstring(picture.svg()).itertext())


def test_the_svg_is_self_contained_and_inside_its_frame():
    picture = ladder(call(), NAMES, [(START_NS, "door", "press")], title="A call")
    root = ElementTree.fromstring(picture.svg())
    width, height = float(root.get("width")), float(root.get("height"))
    assert width == 900 and root.get("viewBox") == f"0 0 {width:.0f} {height:.0f}"
    space = "{http://www.w3.org/2000/svg}"
    tags = {element.tag.removeprefix(space) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "rect", "path", "text", "tspan", "g"}
    for element in root.iter():
        assert not any("href" in name or "url(" in value for name, value in element.items())
        if element.get("x"):
            assert 0 <= float(element.get("x")) <= width
            assert 0 <= float(element.get("y")) <= height
    texts = ["".join(text.itertext()) for text in root.iter(space + "text")]
    for text in ("A call", "door", "127.0.0.1:5060", "press", "180 Ringing (INVITE)", "DTMF 5"):
        assert text in texts
    titles = [title.text for title in root.iter(space + "title")]
    assert "INVITE sip:201@127.0.0.1:40010;transport=udp SIP/2.0" in titles


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_any_number_of_participants_is_drawn(count):
    hosts = [(f"2001:db8::{i}", 5060) for i in range(count)]
    packets = [
        sip(i, hosts[i], hosts[(i + 1) % count], "OPTIONS sip:h SIP/2.0", "1 OPTIONS")
        for i in range(count)
    ]
    picture = ladder(packets)
    assert [p.name for p in picture.participants] == [f"[2001:db8::{i}]:5060" for i in range(count)]
    lines = picture.text().splitlines()
    assert len(lines) == 1 + count
    assert all("OPTIONS sip:h (1)" in line for line in lines[1:])
    assert max(map(len, lines)) <= (100 if count <= 3 else 11 + 34 * count)
    ElementTree.fromstring(picture.svg())


def test_the_command_merges_captures_and_writes_files(tmp_path):
    captures = [tmp_path / "door.pcap", tmp_path / "server.pcap"]
    pcap.write(captures[0], [p for p in call() if DOOR in p[1:3] or DOOR_RTP in p[1:3]])
    pcap.write(captures[1], [p for p in call() if SERVER in p[1:3]])
    names = [
        option for address, name in NAMES.items() for option in ("--name", f"{address}={name}")
    ]
    svg, text = tmp_path / "x.svg", tmp_path / "x.txt"
    arguments = [
        *map(str, captures),
        *names,
        "--title",
        "T",
        "--svg",
        str(svg),
        "--text",
        str(text),
    ]
    subprocess.run([sys.executable, "tools/ladder.py", *arguments], check=True)
    whole = ladder(call(), NAMES, title="T")
    assert text.read_text(encoding="utf-8") == whole.text()
    assert svg.read_text(encoding="utf-8") == whole.svg()


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    empty = tmp_path / "empty.pcap"
    pcap.write(empty, [])
    assert main([str(empty)]) == 1
    assert "no SIP" in capsys.readouterr().err
    assert main(["README.nowhere"]) == 1
    assert "README.nowhere" in capsys.readouterr().err
    assert main([str(DATA / "SOURCES.md")]) == 1
    assert "not a pcap file" in capsys.readouterr().err


def test_a_capture_of_sipp_is_drawn_in_the_terminal(capsys):
    assert main([str(DATA / "sipp_ethernet.pcap"), "--name", "127.0.0.1:5070=uas"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ms", "uas", "127.0.0.1:5071"]
    assert [line.split()[0] for line in lines[2:]] == ["0.0", "0.2", "1.4", "1.4", "304.1", "304.1"]
