"""Datagrams on this computer, in both interpreters."""

import socket

import pytest
from hal.desktop.net import Link, UdpSocket

from host_tests.hal.interpreters import BOTH, said

# What each script begins with. A datagram on the loopback is there when it has been sent, as far as
# anybody promises; `arrive` waits a while for it all the same.
BEGIN = """
import json, time
from hal.desktop.net import Link, UdpSocket
HOST = "127.0.0.1"

def say(value):
    print(json.dumps(value))

def text(received):
    return received and [received[0].decode(), received[1][0], received[1][1]]

def arrive(receive):
    for _ in range(200):
        received = receive()
        if received:
            return received
        time.sleep(0.01)

one, two = UdpSocket(HOST), UdpSocket(HOST)
"""


def told(interpreter, script):
    return said(interpreter, BEGIN + script)


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_datagram_goes_both_ways_and_names_its_source(interpreter):
    script = """
say([one.port, two.port])
say([one.receive(), one.send(b"there", (HOST, two.port))])
received = arrive(two.receive)
say(text(received))
say(two.send(b"and back", received[1]))
say(text(arrive(one.receive)))
say([one.receive(), two.receive()])
"""
    ports, before, there, sent, back, after = told(interpreter, script)
    assert before == [None, True] and sent is True
    assert there == ["there", "127.0.0.1", ports[0]]
    assert back == ["and back", "127.0.0.1", ports[1]]
    assert after == [None, None]


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_name_is_an_address_too(interpreter):
    script = """
say([one.send(b"x", ("localhost", two.port)), text(arrive(two.receive))[0]])
"""
    assert told(interpreter, script) == [[True, "x"]]


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_datagram_is_cut_to_what_was_asked_for(interpreter):
    script = """
one.send(bytes(100), (HOST, two.port))
say(len(arrive(lambda: two.receive(60))[0]))
"""
    assert told(interpreter, script) == [60]


@pytest.mark.parametrize("interpreter", BOTH)
def test_once_connected_only_the_peer_is_heard(interpreter):
    script = """
three = UdpSocket(HOST)
one.connect((HOST, two.port))
three.send(b"stranger", (HOST, one.port))
two.send(b"peer", (HOST, one.port))
buffer = bytearray(20)
length = arrive(lambda: one.readinto(buffer))
say([length, bytes(buffer[:length]).decode(), one.readinto(buffer)])
say(one.write(b"heard"))
say(text(arrive(two.receive)))
say(one.port)
"""
    heard, written, back, port = told(interpreter, script)
    assert heard == [4, "peer", 0]
    assert written is True
    assert back == ["heard", "127.0.0.1", port]


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_peer_that_is_not_there_yet_does_no_harm(interpreter):
    script = """
port = two.port
two.close()
one.connect((HOST, port))
buffer = bytearray(20)
outcomes = []
for _ in range(4):  # each of these may earn an ICMP error that the next one is told of
    outcomes.append([one.write(b"knock"), one.readinto(buffer)])
say([outcome[1] for outcome in outcomes])
say(all([type(outcome[0]) == bool for outcome in outcomes]))
say(False in [outcome[0] for outcome in outcomes] or [one.readinto(buffer), one.write(b"x")][0] == 0)
two = UdpSocket(HOST, port)
while not one.write(b"now"):
    pass
say(text(arrive(two.receive))[0])
two.send(b"yes", (HOST, one.port))
say(arrive(lambda: one.readinto(buffer)))
"""
    assert told(interpreter, script) == [[0] * 4, True, True, "now", 3]


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_reader_wakes_when_a_datagram_comes_and_can_be_cancelled(interpreter):
    script = """
import asyncio

async def read():
    await two.readable()
    return text(two.receive())[0]

async def main():
    reader = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    say(reader.done())
    one.send(b"wake", (HOST, two.port))
    say(await asyncio.wait_for(reader, 5))
    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    reader.cancel()
    try:
        await reader
    except asyncio.CancelledError:
        say("cancelled")
    one.send(b"again", (HOST, two.port))
    say(await asyncio.wait_for(read(), 5))

asyncio.run(main())
"""
    assert told(interpreter, script) == [False, "wake", "cancelled", "again"]


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_port_that_is_taken_is_an_os_error(interpreter):
    script = """
try:
    UdpSocket(HOST, one.port)
    say("taken twice")
except OSError:
    say("taken")
port = one.port
one.close()
say(UdpSocket(HOST, port).port == port)
"""
    assert told(interpreter, script) == ["taken", True]


def test_port_0_is_a_free_even_port_for_each():
    sockets = [UdpSocket("127.0.0.1") for _ in range(50)]
    ports = [sock.port for sock in sockets]
    for sock in sockets:
        sock.close()
    assert len(set(ports)) == 50
    assert all(port % 2 == 0 and 49152 <= port < 65536 for port in ports)


def test_what_the_network_would_not_take_is_false_and_not_an_exception():
    sock = UdpSocket("127.0.0.1")
    assert sock.send(bytes(70000), ("127.0.0.1", 9)) is False
    assert sock.send(b"", ("127.0.0.1", 9)) is True
    sock.close()


def test_a_link_is_up_at_the_address_of_the_board():
    link = Link({"address": "127.0.0.2"})
    assert link.up() and link.address == "127.0.0.2"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        sock = link.socket()
        sock.send(b"x", peer.getsockname())
        peer.settimeout(5)
        assert peer.recvfrom(10)[1] == ("127.0.0.2", sock.port)
        sock.close()
    assert Link({}).address == "127.0.0.1"
