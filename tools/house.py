"""A house on this computer: the server, phones and the door, each a real program on 127.0.0.1.

The demo tells its story in it, and so do the tests:

    with House(directory) as house:
        phone = house.phone("201")
        door = house.door()
        door.send("press front")

Everything is started on free ports and stopped by its own process id when the house is left.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.interpreter import ROOT
from tools.lines import LineProcess

Json = dict[str, Any]

SPEECH = ROOT / "tools" / "speech"
DOMAIN = "house.example"
PASSWORD = "four words are enough"
CODE = "1234"


class House:
    """Where everything lives: configurations, captures and recordings go into `directory`.

    captures: whether server and door write down their datagrams (it costs the door 5 KB of its heap).
    """

    def __init__(self, directory: Path, captures: bool = False) -> None:
        self.directory = directory
        self.captures = captures
        self.server_port = 0
        self._running = ExitStack()

    def __enter__(self) -> "House":
        self.directory.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    def server(self, *users: str) -> LineProcess:
        """Start the project's SIP server with accounts for `users`; again on the port it had before."""
        command = [sys.executable, "-m", "tools.sipserver", "--domain", DOMAIN]
        command += ["--port", str(self.server_port), "--shortest-seconds", "2"]
        if self.captures:
            command += ["--capture", str(self.directory / "server.pcap")]
        for user in users:
            command += ["--account", f"{user}:{PASSWORD}"]
        server = self._start(command, "server")
        self.server_port = server.wait("listening", 10)["port"]
        return server

    def phone(self, user: str, *options: str) -> LineProcess:
        """Start a real phone (baresip) and wait until it is registered."""
        command = [sys.executable, str(ROOT / "tools" / "phone.py"), "--user", user]
        command += ["--password", PASSWORD, "--domain", DOMAIN]
        command += ["--server", f"127.0.0.1:{self.server_port}", *options]
        phone = self._start(command, f"phone {user}")
        phone.wait("registered", 10)
        return phone

    def door(
        self, config: Json | None = None, interpreter: str = "micropython", registered: bool = True
    ) -> LineProcess:
        """Start the door; `config` is laid over what the house gives it."""
        written = self.config()
        for key, value in (config or {}).items():
            written[key] = {**written[key], **value} if key == "sip" else value
        config_path = self.directory / "config.json"
        config_path.write_text(json.dumps(written, indent=4) + "\n")
        board_path = self.directory / "board.json"
        board_path.write_text(json.dumps(self.board(), indent=4) + "\n")
        command = [sys.executable, str(ROOT / "tools" / "simulate.py")]
        command += ["--config", str(config_path), "--board", str(board_path)]
        command += ["--interpreter", interpreter]
        door = self._start(command, "door")
        if registered:
            door.wait("registered", 20)
        return door

    def config(self) -> Json:
        """What the owner of this door wrote."""
        return {
            "sip": {
                "server": f"127.0.0.1:{self.server_port}",
                "domain": DOMAIN,
                "user": "door",
                "password": PASSWORD,
                "display": "Front door",
                "port": 0,
            },
            "buttons": {"front": {"ring": ["201"]}},
            "relays": {"door": {"seconds": 2}},
            "codes": {CODE: "door"},
        }

    def board(self) -> Json:
        """boards/desktop.json, recording into the house's directory."""
        board: Json = json.loads((ROOT / "boards" / "desktop.json").read_text())
        board["audio"] = {"microphone": str(SPEECH / "visitor.wav"), "speaker": "door.wav"}
        board["network"] = {"address": "127.0.0.1"}
        if self.captures:
            board["network"]["capture"] = "door.pcap"
        return board

    def _start(self, command: list[str], name: str) -> LineProcess:
        process = LineProcess(command, cwd=ROOT, name=name)
        return self._running.enter_context(process)
