"""The capture that a process makes of its own datagrams, under CPython and in MicroPython."""

import signal
import struct
import subprocess
import time

import pytest
from hal.desktop.capture import Capture

from tools import pcap
from tools.interpreter import ROOT, micropython

DOOR, SERVER = ("127.0.0.1", 40000), ("10.20.30.255", 5060)

# What each interpreter runs: a SIP message, an RTP packet out of a larger buffer, nothing at all, and too much.
STORY = """
from hal.desktop.capture import Capture

capture = Capture(PATH)
out = capture.flow(("127.0.0.1", 40000), ("10.20.30.255", 5060))
back = capture.flow(("10.20.30.255", 5060), ("127.0.0.1", 40000))
options = b"OPTIONS sip:10.20.30.255 SIP/2.0\\r\\n\\r\\n"
capture.packet(out, options, len(options))
buffer = bytearray(bytes(range(256)) * 8)
capture.packet(back, buffer, 172)
capture.packet(out, memoryview(buffer), 1500)
capture.packet(back, b"", 0)
capture.packet(out, bytes(5000), 5000)
capture.packet(out, options, len(options))
"""


def in_micropython(script, path):
    source = f"import sys; sys.path.insert(0, 'firmware'); PATH = {str(path)!r}\n{script}"
    return [*micropython("64K"), "-c", source]


def record(interpreter, path):
    if interpreter == "micropython":
        subprocess.run(in_micropython(STORY, path), cwd=ROOT, check=True)
    else:
        exec(STORY, {"PATH": path})


def frames(path):
    """Each record of the file: seconds, microseconds, true length, and the IP packet."""
    data = path.read_bytes()
    assert struct.unpack_from("<IHH", data) == (0xA1B2C3D4, 2, 4)
    assert struct.unpack_from("<II", data, 16) == (1528, 228)
    at = 24
    while at < len(data):
        seconds, microseconds, kept, length = struct.unpack_from("<IIII", data, at)
        assert at + 16 + kept <= len(data), "a record is cut short"
        yield seconds, microseconds, length, data[at + 16 : at + 16 + kept]
        at += 16 + kept


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_datagrams_are_found_as_they_were(interpreter, tmp_path):
    path = tmp_path / "own.pcap"
    started_ns = time.time_ns()
    record(interpreter, path)
    ended_ns = time.time_ns()
    packets = list(pcap.read(path))
    options = b"OPTIONS sip:10.20.30.255 SIP/2.0\r\n\r\n"
    counting = (bytes(range(256)) * 8)[:1500]
    assert [packet[1:] for packet in packets] == [
        (DOOR, SERVER, options),
        (SERVER, DOOR, counting[:172]),
        (DOOR, SERVER, counting),
        (SERVER, DOOR, b""),
        (DOOR, SERVER, bytes(1500)),
        (DOOR, SERVER, options),
    ]
    times = [packet.time_ns for packet in packets]
    assert times == sorted(times)
    assert started_ns - 1000 <= times[0] and times[-1] <= ended_ns  # a microsecond is cut off


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_headers_are_those_of_ipv4_and_udp(interpreter, tmp_path):
    path = tmp_path / "own.pcap"
    record(interpreter, path)
    lengths = []
    for _, _, length, ip in frames(path):
        words = struct.unpack_from(">10H", ip)
        total = sum(words)
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "IP checksum"
        assert words[0] == 0x4500 and words[3] == 0x4000 and words[4] == 64 << 8 | 17
        assert words[1] == length
        _, _, udp_length, udp_checksum = struct.unpack_from(">4H", ip, 20)
        assert udp_length == length - 20 and udp_checksum == 0
        lengths.append(length - 28)
    assert lengths == [36, 172, 1500, 0, 5000, 36]


def test_a_packet_allocates_nothing_in_micropython(tmp_path):
    script = """
import micropython
from hal.desktop.capture import Capture

capture = Capture(PATH)
flow = capture.flow(("127.0.0.1", 40000), ("127.0.0.1", 40002))
packet = bytearray(1500)

def count(packets):
    before = micropython.mem_total()
    for i in range(packets):
        capture.packet(flow, packet, 172)
    return micropython.mem_total() - before

count(1)
print(count(10), count(2000))
"""
    result = subprocess.run(
        in_micropython(script, tmp_path / "own.pcap"), cwd=ROOT, check=True, capture_output=True
    )
    few, many = map(int, result.stdout.split())
    assert few == many  # what is counted is the counting's own


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_killed_process_leaves_whole_records(interpreter, tmp_path):
    path = tmp_path / "own.pcap"
    if interpreter == "cpython":  # nothing is flushed or closed when it is read
        capture = Capture(path)
        capture.packet(capture.flow(DOOR, SERVER), b"OPTIONS", 7)
        assert [ip[28:] for _, _, _, ip in frames(path)] == [b"OPTIONS"]
        capture.close()
        return
    script = """
from hal.desktop.capture import Capture

capture = Capture(PATH)
flow = capture.flow(("127.0.0.1", 40000), ("127.0.0.1", 40002))
packet = bytearray(172)
for i in range(1000):
    capture.packet(flow, packet, 172)
print("there")
while True:
    capture.packet(flow, packet, 172)
"""
    process = subprocess.Popen(in_micropython(script, path), cwd=ROOT, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"there\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(list(frames(path))) >= 1000
