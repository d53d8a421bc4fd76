"""The whole story on one computer: somebody rings, a phone answers, both talk, a code opens the door.

    make demo                                   writes build/demo/

The server is the project's own, the phone is baresip, and the door is the firmware under MicroPython with a board's
heap. Exit status 0 only if all of it happened as it should; `report.json` has every figure.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools import hearing, pcap
from tools.house import CODE, SPEECH, House
from tools.interpreter import ROOT
from tools.ladder import ladder
from tools.lines import LineProcess, LineProcessError

FRAME_SAMPLES = 160
TALK_S = 8.0  # each side's sentence is a little shorter than 4 s, and is to be heard whole
LEAST_CORRELATION = 0.98
MOST_SECONDS = 60

Json = dict[str, Any]


class Story:
    """Prints one line an event, with the time since the press, and keeps them for the ladder."""

    def __init__(self) -> None:
        self.zero = time.time()
        self.notes: list[tuple[int, str, str]] = []

    def tell(self, who: str, what: str, at: float | None = None, note: bool = False) -> None:
        moment = at or time.time()
        print(f"{1000 * (moment - self.zero):8.0f} ms  {who:6}  {what}", flush=True)
        if note:
            self.notes.append((int(moment * 1e9), who, what))


def play(house: House, story: Story) -> Json:
    """Live through the call. Returns the figures that only the processes know."""
    figures: Json = {}
    directory = house.directory
    server = house.server("door", "201")
    story.tell("server", f"listening on 127.0.0.1:{house.server_port}")
    phone = house.phone(
        *("201", "--codec", "PCMA", "--say", str(SPEECH / "resident.wav")),
        *("--record", str(directory / "phone.wav")),
    )
    story.tell("phone", "201 (baresip) registered")
    door = house.door()
    memory = door.wait("memory", 5)
    story.tell("door", "registered, under MicroPython with a heap of 176 KB")
    memory = door.wait("memory", 5)
    figures["heap_idle_bytes"] = memory["used_bytes"]

    door.send("press front")
    story.zero = pressed_at = time.time()

    def step(process: LineProcess, event: str, say: str, **fields: Any) -> Json:
        found = process.wait(event, 15, **fields)
        who = "phone" if process is phone else "door"
        story.tell(who, say.format(**found), found["time"], note=event in NOTED)
        return found

    NOTED = ("opened", "closed")
    story.notes.append((int(pressed_at * 1e9), "door", "press"))
    step(door, "press", "button {button} pressed")
    step(door, "calling", "calls {target}")
    ringing = step(door, "ringing", "is told that the phone rings ({status})")
    step(phone, "incoming", "rings: {from}")
    time.sleep(1)
    phone.send("answer")
    answered = step(door, "answered", "talks to {peer} in {encoding}")
    step(phone, "answered", "answered")
    figures["heap_call_bytes"] = door.wait("memory", 5)["used_bytes"]
    figures["press_to_ringing_ms"] = ms(ringing["time"] - pressed_at)
    figures["press_to_answered_ms"] = ms(answered["time"] - pressed_at)

    time.sleep(1)
    figures.update(heap_per_frame(door))
    story.tell("both", f"talk for {TALK_S:g} s")
    time.sleep(TALK_S - (time.time() - answered["time"]))

    for digit in CODE:
        phone.send(f"dtmf {digit}")
        step(door, "digit", "hears the digit {digit}", digit=digit)
    step(door, "code_accepted", "the code is right")
    opened = step(door, "opened", "door open")
    figures["press_to_opened_ms"] = ms(opened["time"] - pressed_at)
    closed = step(door, "closed", "door closed again")
    figures["opened_for_ms"] = ms(closed["time"] - opened["time"])
    door.send("status")
    status = door.wait("status", 5)
    for name in ("sent", "received", "lost", "late", "concealed"):
        figures[f"frames_{name}"] = status[f"frames_{name}"]
    for name in ("microphone_lost", "speaker_underruns", "malformed"):
        figures[name] = status[name]

    phone.send("hangup")
    step(phone, "ended", "hangs up")
    step(door, "ended", "call ended ({cause}, {status})")
    recorded = phone.wait("recorded", 5)
    figures["phone_gap_ms"] = recorded["gap_ms"]
    figures["heap_peak_bytes"] = door.wait("memory", 5)["peak_bytes"]
    door.send("quit")
    step(door, "unregistered", "unregistered")
    figures["door_status"] = door.stop()
    said = phone.wait("audio", 1, direction="said")
    figures["said_start"], figures["heard_start"] = said["start"], recorded["start"]
    phone.stop()
    server.stop()
    return figures


def heap_per_frame(door: LineProcess) -> Json:
    """What a frame of the call costs MicroPython's heap, over a second of it, whatever it is spent on.

    allocated: how much fuller the heap gets: that is what brings the collector. passing: what is taken and given
    back within the frame (the event loop's own functions do so). A status line costs memory itself, so the cost
    of one, from two in a row, is taken off.
    """

    def status() -> tuple[int, int, int]:
        door.send("status")
        found = door.wait("status", 5)
        return found["frames_sent"], found["used_bytes"], found["allocated_bytes"]

    for _ in range(5):
        first, second = status(), status()
        time.sleep(1)
        third = status()
        if first[1] < second[1] <= third[1]:  # else the collector ran meanwhile: once more
            break
    frames, used, passed = (c - b - (b - a) for a, b, c in zip(first, second, third, strict=True))
    allocated = used / frames
    return {
        "allocated_bytes_per_frame": round(allocated, 2),
        "passing_bytes_per_frame": round(passed / frames - allocated, 2),
    }


def listen(
    directory: Path, figures: Json, packets: list[pcap.Packet], door: tuple[str, int]
) -> Json:
    """What each side heard of what the other said."""
    visitor = hearing.read_wav(SPEECH / "visitor.wav")
    resident = hearing.read_wav(SPEECH / "resident.wav")
    at_phone = hearing.compare(visitor, hearing.read_wav(directory / "phone.wav"))
    at_door = hearing.compare(resident, hearing.read_wav(directory / "door.wav"))
    # Microphone and speaker of the door began one frame before its first packet left.
    first = next(packet for packet in packets if packet.source == door)
    door_start = first.time_ns / 1e9 - FRAME_SAMPLES / hearing.RATE_HZ
    # The virtual microphone fills the last frame of its file with silence.
    visitor_samples = -(-visitor.size // FRAME_SAMPLES) * FRAME_SAMPLES
    to_phone = hearing.mouth_to_ear_ms(
        at_phone, door_start, figures.pop("heard_start"), visitor_samples
    )
    to_door = hearing.mouth_to_ear_ms(at_door, figures.pop("said_start"), door_start, resident.size)
    return {
        "correlation_at_phone": round(at_phone.correlation, 4),
        "correlation_at_door": round(at_door.correlation, 4),
        "delay_to_phone_ms": round(to_phone, 1),
        "delay_to_door_ms": round(to_door, 1),
    }


def sip_packets(packets: list[pcap.Packet], port: int) -> list[pcap.Packet]:
    return [packet for packet in packets if port in (packet.source[1], packet.destination[1])]


CHECKS: dict[str, Callable[[Json], bool]] = {
    "the phone heard the visitor": lambda f: f["correlation_at_phone"] >= LEAST_CORRELATION,
    "the visitor heard the phone": lambda f: f["correlation_at_door"] >= LEAST_CORRELATION,
    "the relay closed for its time": lambda f: 1900 <= f["opened_for_ms"] <= 2200,
    "the door said goodbye": lambda f: f["door_status"] == 0,
    "a frame of the call allocates nothing": lambda f: f["allocated_bytes_per_frame"] == 0,
    "the heap held": lambda f: 0 < f["heap_peak_bytes"] <= 176 * 1024,
}


def ms(seconds: float) -> int:
    return round(1000 * seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo")
    directory: Path = parser.parse_args().output
    shutil.rmtree(directory, ignore_errors=True)
    story = Story()
    began = time.monotonic()
    try:
        with House(directory, captures=True) as house:
            figures = play(house, story)
            port = house.server_port
    except LineProcessError as error:
        print(f"\nThe story broke off: {error}")
        (directory / "report.json").write_text(json.dumps({"passed": False, "why": str(error)}))
        return 1
    report = judge(directory, figures, story, port)
    seconds = time.monotonic() - began
    report["seconds"] = round(seconds, 1)
    (directory / "report.json").write_text(json.dumps(report, indent=4) + "\n")
    print(verdict(report, directory))
    return 0 if report["passed"] else 1


def judge(directory: Path, figures: Json, story: Story, port: int) -> Json:
    """Draw the ladder, listen to the recordings, and decide."""
    packets = pcap.merge(pcap.read(directory / "door.pcap"), pcap.read(directory / "server.pcap"))
    pcap.write(directory / "call.pcap", packets)
    for part in ("door.pcap", "server.pcap"):
        (directory / part).unlink()
    zero_ns = int(story.zero * 1e9)
    sip = sip_packets(packets, port)
    invite = next(p for p in sip if p.payload.startswith(b"INVITE") and p.time_ns >= zero_ns)
    figures["press_to_invite_ms"] = ms((invite.time_ns - zero_ns) / 1e9)
    phone = next(
        p.destination for p in sip if p.payload.startswith(b"INVITE") and p.source[1] == port
    )
    names = {
        f"{host}:{number}": name
        for (host, number), name in (
            (invite.source, "door"),
            (("127.0.0.1", port), "server"),
            (phone, "phone"),
        )
    }
    picture = ladder(packets, names, story.notes, zero_ns, "A press, a call, an open door")
    (directory / "ladder.txt").write_text(picture.text() + "\n")
    (directory / "ladder.svg").write_text(picture.svg())
    rtp = [p for p in packets if p not in sip and p.time_ns > zero_ns]
    figures.update(listen(directory, figures, rtp, rtp_address(invite)))
    failed = [what for what, check in CHECKS.items() if not check(figures)]
    return {"passed": not failed, "failed": failed, **figures}


def rtp_address(invite: pcap.Packet) -> tuple[str, int]:
    """Where the offer of an INVITE wants its audio."""
    media = next(line for line in invite.payload.split(b"\r\n") if line.startswith(b"m=audio "))
    return invite.source[0], int(media.split()[1])


def verdict(report: Json, directory: Path) -> str:
    """A few lines for the terminal."""
    head = (
        "It works." if report["passed"] else "Not as it should be: " + "; ".join(report["failed"])
    )
    return (
        f"\n{head}\n"
        f"  rang after {report['press_to_ringing_ms']} ms; heard at the phone "
        f"{report['correlation_at_phone']:.3f} ({report['delay_to_phone_ms']:.0f} ms), at the door "
        f"{report['correlation_at_door']:.3f} ({report['delay_to_door_ms']:.0f} ms)\n"
        f"  frames: {report['frames_sent']} sent, {report['frames_received']} received, "
        f"{report['frames_lost']} lost, {report['frames_late']} late, "
        f"{report['frames_concealed']} concealed; {report['allocated_bytes_per_frame']:g} bytes "
        f"allocated a frame\n"
        f"  heap: {report['heap_idle_bytes']} bytes idle, {report['heap_call_bytes']} in the call, "
        f"{report['heap_peak_bytes']} at most\n"
        f"  {report['seconds']} s in all; see {directory}/ladder.txt, ladder.svg, call.pcap, "
        f"phone.wav, door.wav, report.json"
    )


if __name__ == "__main__":
    raise SystemExit(main())
