"""What a stranger's protocol analyser makes of the demo's call. Run by `make interop`, after `make demo`."""

import subprocess
from collections import Counter

from tools.interpreter import ROOT

CAPTURE = ROOT / "build" / "demo" / "call.pcap"


def tshark(*arguments: str) -> list[str]:
    command = ["tshark", "-r", str(CAPTURE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def fields(of: str, *names: str) -> list[list[str]]:
    wanted = [word for name in names for word in ("-e", name)]
    lines = tshark("-Y", of, "-T", "fields", "-E", "occurrence=f", *wanted)
    return [line.split("\t") for line in lines]


def test_nothing_in_the_call_is_malformed():
    assert tshark("-Y", "_ws.malformed") == []
    assert tshark("-Y", '_ws.expert.severity == "Error" && !(icmp)') == []


def test_the_story_is_in_the_signalling():
    requests = Counter(row[0] for row in fields("sip.Request-Line", "sip.Method"))
    for method in ("REGISTER", "INVITE", "ACK", "BYE"):
        assert requests[method] >= 2, requests
    statuses = {row[0] for row in fields("sip.Status-Line", "sip.Status-Code")}
    assert {"401", "407", "100", "180", "200"} <= statuses


def test_every_datagram_is_sip_or_rtp_and_both_directions_of_audio_are_whole():
    protocols = Counter(row[0].split(":")[-1] for row in fields("udp", "frame.protocols"))
    assert set(protocols) <= {"sip", "sdp", "rtp", "rtpevent", "rtcp"}, protocols
    streams = [line for line in tshark("-q", "-z", "rtp,streams") if "g711" in line.lower()]
    assert len(streams) == 2, streams
    for stream in streams:
        assert " 0 (0.0%)" in stream, stream


def test_the_digits_of_the_code_are_rfc_4733_events():
    digits = []
    stamps = set()
    for digit, stamp in fields("rtpevent", "rtpevent.event_id", "rtp.timestamp"):
        if stamp not in stamps:
            stamps.add(stamp)
            digits.append(digit)
    assert digits == ["1", "2", "3", "4"]
