"""Talk to a program that takes one command a line and prints one JSON object a line.

The door (tools/simulate.py) and the phone (tools/phone.py) both speak this: a command is a line on
standard input, an event a line `{"time": epoch seconds, "event": name, …}` on standard output,
everything for human eyes goes to standard error. `LineProcess` starts such a program and keeps all
it says:

    with LineProcess([sys.executable, "tools/phone.py", "--user", "201"]) as phone:
        phone.send("call sip:202@127.0.0.1:5060")
        answered = phone.wait("answered", 5)
"""

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

Event = dict[str, Any]

_STDERR_LINES = 400
_TAIL_LINES = 30
_QUIT_S = 5.0
_TERMINATE_S = 3.0


class LineProcessError(RuntimeError):
    """An event did not come, or the process is gone. The text ends with what it said last."""


class LineProcess:
    """A running program and everything it has said.

    argv: the command. cwd, env: as for subprocess.Popen.
    name: how error messages call it; the last part of the command when not given.
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> None:
        self.argv = list(argv)
        self.name = name or next(
            (Path(part).name for part in argv if part.endswith(".py")), Path(argv[0]).name
        )
        self.events: list[Event] = []
        """All events so far, oldest first."""
        self._taken: set[int] = set()
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._news = threading.Condition()
        self._stdout_open = True
        self._process = subprocess.Popen(
            self.argv,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
        )
        self._readers = [
            threading.Thread(target=self._read_events, name=f"{self.name} events", daemon=True),
            threading.Thread(target=self._read_log, name=f"{self.name} log", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.poll()

    def send(self, line: str) -> None:
        """Send one command. LineProcessError when the process is gone."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except (BrokenPipeError, ValueError):
            raise LineProcessError(self._explain(f"cannot take the command {line!r}")) from None

    def wait(self, event_name: str, timeout: float = 10.0, /, **fields: Any) -> Event:
        """The oldest event of this name that no `wait` has returned yet; `timeout` in seconds.

        fields: only an event in which each of these keys has this value counts. Waiting four times
        for "digit" thus gives four digits, and waiting for what has already happened returns at
        once (`forget` turns to the future). Raises LineProcessError at the time-out, or as soon as
        the process has ended without it.
        """
        deadline = time.monotonic() + timeout
        wanted = event_name + "".join(f" {key}={value!r}" for key, value in fields.items())
        seen = 0
        with self._news:
            while True:
                for position in range(seen, len(self.events)):
                    event = self.events[position]
                    if (
                        position not in self._taken
                        and event.get("event") == event_name
                        and all(event.get(key) == value for key, value in fields.items())
                    ):
                        self._taken.add(position)
                        return event
                seen = len(self.events)
                if not self._stdout_open:
                    failure = f"ended without the event {wanted}"
                    break
                left = deadline - time.monotonic()
                if left <= 0:
                    failure = f"no event {wanted} in {timeout:g} s"
                    break
                self._news.wait(left)
        raise LineProcessError(self._explain(failure))

    def forget(self) -> None:
        """Let `wait` return only events that come from now on. They all stay in `events`."""
        with self._news:
            self._taken.update(range(len(self.events)))

    def stderr_tail(self, lines: int = _TAIL_LINES) -> str:
        """The last lines of its log."""
        with self._news:
            return "\n".join(list(self._stderr)[-lines:])

    def close_input(self) -> None:
        """End its standard input, as happens when whoever drives it dies."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def stop(self) -> int:
        """End it: `quit` and end of input, then SIGTERM, then SIGKILL. Returns the exit status."""
        process = self._process
        if process.poll() is None:
            with suppress(LineProcessError):
                self.send("quit")
        self.close_input()
        for patience, end in ((_QUIT_S, process.terminate), (_TERMINATE_S, process.kill)):
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                end()
        status = process.wait()
        for reader in self._readers:
            reader.join(_TERMINATE_S)
        return status

    def __enter__(self) -> "LineProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = None
                with self._news:
                    if isinstance(event, dict):
                        self.events.append(event)
                    elif line.strip():
                        self._stderr.append("[stdout] " + line.rstrip())
                    self._news.notify_all()
        with self._news:
            self._stdout_open = False
            self._news.notify_all()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                with self._news:
                    self._stderr.append(line.rstrip())

    def _explain(self, what: str) -> str:
        """The error text. Not with the lock held: the log may still have something to add."""
        try:
            # Standard output closes a moment before the process can be waited for.
            status = self._process.wait(0 if self._stdout_open else 2.0)
            self._readers[1].join(0.5)
            state = f"it ended with status {status}"
        except subprocess.TimeoutExpired:
            state = "it is running"
        last = "\n".join(json.dumps(event) for event in self.events[-8:]) or "(none)"
        log = self.stderr_tail() or "(empty)"
        return f"{self.name}: {what}; {state}\nlast events:\n{last}\nend of its log:\n{log}"
