"""The door on a desktop: firmware/main.py as a board would run it, with virtual pins and audio.

    python tools/simulate.py --config my-door.json [--board boards/desktop.json]
                             [--interpreter micropython|cpython] [--heap 176K]

Commands, one a line on standard input:
    press BUTTON [MS]        hold a button of the board closed (200 ms)
    contact NAME open|closed
    call URI                 ring a phone as a press would
    hangup
    digit D                  send a digit to the peer of the call
    status
    quit                     hang up, unregister, end; so does the end of the input

Events are JSON objects, one a line, on standard output; docs/simulator.md lists them. Logs go to standard
error. Exit status 2 with a sentence when the configuration is wrong.

Without `network.address` in the board file, the address that leads to the server is taken. Paths of
WAV files in the board file are relative to it.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.build import BuildError, build
from tools.interpreter import ROOT, micropython

Json = dict[str, Any]


def command_of(interpreter: str, heap: str) -> tuple[list[str], dict[str, str]]:
    """The command that runs main.py, and the environment it wants."""
    environment = dict(os.environ)
    if interpreter == "cpython":
        firmware = ROOT / "firmware"
        environment["PYTHONPATH"] = str(firmware / "hal" / "desktop" / "cpython")
        environment["PYTHONUNBUFFERED"] = "1"
        return [sys.executable, str(firmware / "main.py")], environment
    build("host")
    return [*micropython(heap), str(ROOT / "build" / "host" / "main.py")], environment


def board_of(path: Path, config: Json) -> Json:
    """The board's description with absolute paths and an address."""
    board: Json = json.loads(path.read_text())
    audio = board.get("audio", {})
    if audio.get("microphone") not in (None, "silence", "tone"):
        audio["microphone"] = str((path.parent / audio["microphone"]).resolve())
    if audio.get("speaker"):
        speaker = (path.parent / audio["speaker"]).resolve()
        speaker.parent.mkdir(parents=True, exist_ok=True)
        audio["speaker"] = str(speaker)
    network = board.setdefault("network", {})
    if "capture" in network:
        network["capture"] = str((path.parent / network["capture"]).resolve())
    if "address" not in network:
        network["address"] = address_towards(config)
    return board


def address_towards(config: Json) -> str:
    """Our address on the way to the configured server; 127.0.0.1 where that cannot be told."""
    sip = config.get("sip", {})
    server = str(sip.get("server", "")) if isinstance(sip, dict) else ""
    host = server.partition(":")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host or "127.0.0.1", 5060))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def read_object(path: Path) -> Json:
    """The object in a JSON file, or {}: what is wrong with it is the firmware's to say."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def run(config: Path, board: Path, interpreter: str, heap: str) -> int:
    """Run the door until it ends; its exit status."""
    command, environment = command_of(interpreter, heap)
    with tempfile.TemporaryDirectory(prefix="sipdoor-") as flash:
        # The working directory is the board's flash: what the owner wrote, and what the board has.
        (Path(flash) / "config.json").write_bytes(config.read_bytes())
        described = board_of(board, read_object(config))
        (Path(flash) / "board.json").write_text(json.dumps(described))
        door = subprocess.Popen(command, cwd=flash, env=environment)
        signal.signal(signal.SIGTERM, lambda *_: door.terminate())
        while True:
            try:
                return door.wait()
            except KeyboardInterrupt:
                # The door has had the interrupt as well, from the terminal.
                continue


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run the door on this computer.",
        epilog="Commands on standard input: press BUTTON [MS], contact NAME open|closed, call URI, "
        "hangup, digit D, status, quit.",
    )
    parser.add_argument("--config", type=Path, required=True, help="what the owner wants (JSON)")
    parser.add_argument("--board", type=Path, default=ROOT / "boards" / "desktop.json")
    parser.add_argument("--interpreter", choices=("micropython", "cpython"), default="micropython")
    parser.add_argument("--heap", default="176K", help="MicroPython's heap (default: a board's)")
    arguments = parser.parse_args()
    try:
        return run(arguments.config, arguments.board, arguments.interpreter, arguments.heap)
    except (BuildError, OSError, ValueError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
