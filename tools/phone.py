"""A real SIP phone for the demo, the tests and the curious: baresip, driven line by line.

    python tools/phone.py --user 201 --password secret --server 127.0.0.1:5060 \\
        [--domain NAME] [--say resident.wav] [--record phone.wav] [--codec PCMA|PCMU]
        [--answer-after MS]
    python tools/phone.py --user 201 --listen 127.0.0.1:5070        (no server: phone to phone)

It needs `baresip-python` (CPython 3.11 or newer). libre keeps its state in the process, so one
process is one phone.

Commands, one a line on standard input: register (also done at the start), unregister, call URI,
answer, reject, hangup, dtmf 1234#, quit. End of input and SIGTERM quit as well: hang up,
unregister, exit.

Events, one JSON object a line on standard output, `time` in seconds of the epoch:
    ready               uri: where this phone is called without a server
    registered          registration_failed (status, reason)   unregistered
    incoming            from, call_id
    ringing, progress   the far end sent 180, 183
    answered            the call is established
    digit               digit, duration_ms: the far end pressed a key (when it was released)
    dtmf                digits: they have been sent
    audio               direction "said" or "heard", start: epoch seconds of the first sample
    ended               by "local" or "remote", reason, packets_sent, packets_received,
                        packets_lost, said_holes (frames of silence because this process was late)
    recorded            path, start, seconds, gap_ms (silence put in), late_ms (the latest frame)
    error               command, message

Time. `start` of what is said is the moment at which a microphone would have taken its first
sample: one frame (20 ms) before the packet with it leaves, which is seen to 2 ms (and told after
some frames). The said file is repeated from establishment to the end of the call. What is heard is
taken behind the decoder, where baresip gives nothing while nothing comes. So the arrival of each
frame is noted, and at the end of the call all are laid out in time (hearing.Recording): sample n of
the file was heard at `start` + n/8000 s, and silence stands where nothing came. `start` is the
arrival of the first frame, without the buffer that a loudspeaker may have.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.hearing import RATE_HZ, Recording, read_wav, write_wav

try:
    from baresip import (
        Account,
        AudioNotActive,
        AudioRestarted,
        BaresipError,
        Call,
        Config,
        Event,
        RegistrationError,
        Runtime,
        UserAgent,
    )
except ImportError as missing:
    _NEEDED = f"{missing}: the phone needs CPython 3.11+ and: pip install --pre baresip-python"
    if __name__ == "__main__":
        sys.exit(f"phone.py: {_NEEDED}")
    raise ImportError(_NEEDED) from missing

FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = 2 * FRAME_SAMPLES
_FRAME_S = FRAME_MS / 1000

_POLL_S = 0.002
# What is written ahead of baresip's 20 ms clock. It delays nothing that is measured (`start` is
# when the first frame is taken), it only bridges a pause of this process.
_AHEAD_FRAMES = 25
_START_FRAMES = 10
_HANGUP_S = 2.0
_UNREGISTER_S = 3.0

log = logging.getLogger("phone")
_print_lock = threading.Lock()


def emit(event: str, at: float | None = None, **fields: Any) -> None:
    """Print one event."""
    line = json.dumps({"time": round(at or time.time(), 6), "event": event, **fields})
    # Where nobody listens any more, standard input will end as well.
    with _print_lock, suppress(BrokenPipeError):
        print(line, flush=True)


class Conversation(threading.Thread):
    """The mouth and the ear of one call: every 2 ms it takes what came and tops up what leaves."""

    def __init__(self, call: Call, said: bytes) -> None:
        super().__init__(name="conversation", daemon=True)
        self.recording = Recording(FRAME_SAMPLES)
        self.said_holes = 0
        self._call = call
        self._said = said
        self._position = 0
        self._may_speak = threading.Event()
        self._over = threading.Event()
        self._frames_written = 0
        self._frames_taken = 0
        self._said_start = float("inf")
        self._holes_before = 0
        self._heard = False

    def speak(self) -> None:
        """The call is established."""
        self._may_speak.set()

    def finish(self) -> None:
        """The call is over: stop within a poll."""
        self._over.set()

    def run(self) -> None:
        audio = self._call.audio
        while not self._over.wait(_POLL_S):
            now = time.time()
            try:
                info = audio.info()
                if info.rx_ready:
                    self._listen(now, audio.read(info.rx_capacity))
                if info.tx_ready and self._said and self._may_speak.is_set():
                    self._say(now)
            except AudioNotActive:
                pass  # Not yet, or no longer.
            except AudioRestarted:
                log.warning("the media was renegotiated: what was on its way is lost")

    def _listen(self, now: float, pcm: bytes) -> None:
        if not pcm:
            return
        self.recording.add(now, pcm)
        if not self._heard:
            self._heard = True
            emit("audio", direction="heard", start=now)

    def _say(self, now: float) -> None:
        audio = self._call.audio
        stats = audio.stats()
        taken = self._frames_written - stats.tx_buffered // FRAME_BYTES
        if taken and not self._frames_taken:
            self._holes_before = stats.tx_silence_frames
        if taken > self._frames_taken <= _START_FRAMES:
            # Seen up to one poll too late: the earliest of the first frames is nearest to the
            # truth.
            self._said_start = min(self._said_start, now - taken * _FRAME_S)
            if taken >= _START_FRAMES > self._frames_taken:
                emit("audio", direction="said", start=round(self._said_start, 6))
        self._frames_taken = taken
        if taken:
            self.said_holes = stats.tx_silence_frames - self._holes_before
        for _ in range(_AHEAD_FRAMES - stats.tx_buffered // FRAME_BYTES):
            frame = self._said[self._position : self._position + FRAME_BYTES]
            while len(frame) < FRAME_BYTES:
                frame += self._said[: FRAME_BYTES - len(frame)]
            audio.write(frame)
            self._position = (self._position + FRAME_BYTES) % len(self._said)
            self._frames_written += 1


class Phone:
    """One account, at most one call at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._said = read_wav(options.say).tobytes() if options.say else b""
        self._domain = options.domain or options.server
        self._runtime = Runtime()
        self._ua: Any = None
        self._call: Any = None
        self._conversation: Conversation | None = None
        self._ending: asyncio.Task[None] | None = None
        self._hung_up = False
        self._established = False
        self._closed: Any = None
        self._registered = False
        self._unregistering = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._quit = asyncio.Event()

    async def run(self) -> None:
        """From the first packet to the last."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._quit.set)
        host, port = self._address()
        options = self._options
        await self._runtime.start(
            Config(
                net_interface=host,
                max_concurrent_calls=1,
                sip_trace=options.verbose,
                extra_config_text=(
                    f"sip_listen {host}:{port}\n"
                    f"sip_transports {options.transport}\n"
                    f"audio_jitter_buffer_type {'fixed' if options.jitter_buffer else 'off'}\n"
                    f"audio_jitter_buffer_ms {options.jitter_buffer or 20}-200\n"
                ),
            )
        )
        try:
            self._ua = await UserAgent.create(self._runtime, self._account(host, port))
            self._ua.on(self._stack_event)
            self._ua.on_incoming(self._incoming)
            emit("ready", uri=f"sip:{options.user}@{host}:{port}")
            threading.Thread(target=self._read_commands, args=(loop,), daemon=True).start()
            if options.server:
                self._start(self._register(), "register")
            await self._quit.wait()
            await self._leave()
        finally:
            await self._runtime.close()

    def _address(self) -> tuple[str, int]:
        """Own address for SIP: as asked, else the one that faces the server; and a free port."""
        host, _, port = (self._options.listen or "").rpartition(":")
        if not host:
            host = _address_towards(self._options.server) if self._options.server else "127.0.0.1"
        kind = socket.SOCK_DGRAM if self._options.transport == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind((host, int(port or 0)))
            return host, probe.getsockname()[1]

    def _account(self, host: str, port: int) -> Account:
        options = self._options
        codecs = (options.codec.lower(),) if options.codec else ("pcma", "pcmu")
        proxy = None
        if options.server and self._domain != options.server:
            proxy = f"{options.server};transport={options.transport}"
        return Account(
            options.user,
            self._domain or f"{host}:{port}",
            options.password,
            registrar=proxy,
            reg_interval=options.expires if options.server else 0,
            transport=options.transport,
            audio_codecs=codecs,
        )

    # Registration

    async def _register(self) -> None:
        self._unregistering = False
        try:
            await self._ua.register()
        except RegistrationError as error:
            if error.status is None:  # With a status the event has told it.
                emit("registration_failed", status=None, reason=str(error))

    async def _unregister(self) -> None:
        if not self._registered:
            return
        self._registered = False
        self._unregistering = True  # The answer to this REGISTER is an event like any other's.
        try:
            await self._ua.unregister(timeout=_UNREGISTER_S)
            emit("unregistered")
        except RegistrationError as error:
            emit("error", command="unregister", message=str(error))

    # What the stack tells

    def _stack_event(self, event: Any) -> None:
        """Events of the account and of its call. Those of a call may come before `dial` returns."""
        kind = event.event
        if kind is Event.REGISTER_OK and not self._registered and not self._unregistering:
            self._registered = True
            emit("registered")
        elif kind is Event.REGISTER_FAIL:
            self._registered = False
            status, _, reason = (event.text or "").partition(" ")
            if status.isdigit():
                emit("registration_failed", status=int(status), reason=reason)
            else:
                emit("registration_failed", status=None, reason=event.text or "")
        elif kind is Event.CALL_RINGING:
            emit("ringing")
        elif kind is Event.CALL_PROGRESS:
            emit("progress")
        elif kind is Event.CALL_ESTABLISHED:
            emit("answered")
            self._established = True
            if self._conversation:
                self._conversation.speak()
        elif kind is Event.CALL_CLOSED:
            self._closed = event
            if self._call is not None:
                self._close()

    # Calls

    def _incoming(self, call: Any) -> None:
        self._expect_call()
        self._take(call)
        emit("incoming", **{"from": call.peer, "call_id": call.call_id})
        if self._options.answer_after is not None:
            self._start(self._answer_later(self._options.answer_after / 1000), "answer")

    async def _answer_later(self, delay_s: float) -> None:
        call = self._call
        await asyncio.sleep(delay_s)
        if self._call is call:
            await call.answer()

    def _expect_call(self) -> None:
        """Before a call is there: what the stack tells from now on is about it."""
        self._hung_up = False
        self._established = False
        self._closed = None

    def _take(self, call: Any) -> None:
        """The call is there, and may be established or over already."""
        self._call = call
        self._conversation = Conversation(call, self._said)
        self._conversation.start()
        call.on_dtmf(lambda key: emit("digit", digit=key.digit, duration_ms=key.duration_ms))
        if self._established:
            self._conversation.speak()
        if self._closed:
            self._close()

    def _close(self) -> None:
        conversation, event = self._conversation, self._closed
        assert conversation is not None
        self._call = self._conversation = None
        self._ending = asyncio.ensure_future(self._end(conversation, event))

    async def _end(self, conversation: Conversation, event: Any) -> None:
        at = time.time()
        conversation.finish()
        await asyncio.to_thread(conversation.join)
        emit(
            "ended",
            at,
            by="local" if self._hung_up else "remote",
            reason=event.text or "",
            packets_sent=event.stats.get("tx", {}).get("packets", 0),
            packets_received=event.stats.get("rx", {}).get("packets", 0),
            packets_lost=event.stats.get("rtcp", {}).get("rx_lost", 0),
            said_holes=conversation.said_holes,
        )
        heard = conversation.recording.lay_out()
        if heard and self._options.record:
            self._options.record.parent.mkdir(parents=True, exist_ok=True)
            write_wav(self._options.record, heard.samples)
            emit(
                "recorded",
                path=str(self._options.record),
                start=round(heard.start, 6),
                seconds=round(heard.samples.size / RATE_HZ, 3),
                gap_ms=round(heard.gap_ms),
                late_ms=round(heard.late_ms, 1),
            )

    def _current_call(self) -> Any:
        if self._call is None:
            raise CommandError("there is no call")
        return self._call

    # Commands

    def _read_commands(self, loop: asyncio.AbstractEventLoop) -> None:
        """Own thread. os.read, since a thread that waits in sys.stdin cannot be left at exit."""
        rest = b""
        while True:
            data = os.read(0, 4096)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(self._command, line.decode("utf-8", "replace").strip())
            if not data:
                loop.call_soon_threadsafe(self._quit.set)
                return

    def _command(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        now: dict[str, Callable[[str], Any]] = {
            "register": lambda _: self._register(),
            "unregister": lambda _: self._unregister(),
            "dtmf": self._send_digits,
        }
        in_turn: dict[str, Callable[[str], Any]] = {
            "call": self._dial,
            "answer": lambda _: self._current_call().answer(),
            "reject": self._reject,
            "hangup": self._hang_up,
        }
        if name == "quit":
            self._quit.set()
        elif name in now:
            self._start(now[name](argument.strip()), line)
        elif name in in_turn:
            self._start(self._in_turn(in_turn[name], argument.strip()), line)
        elif name:
            known = ", ".join([*now, *in_turn, "quit"])
            emit("error", command=line, message=f"unknown command; there are {known}")

    async def _in_turn(self, command: Callable[[str], Any], argument: str) -> None:
        """What changes the call is done in the order in which it was asked for."""
        async with self._turn:
            await command(argument)

    def _start(self, work: Any, command: str) -> None:
        """Run it beside everything else, and turn what goes wrong into an event."""

        async def run() -> None:
            try:
                await work
            except (BaresipError, CommandError, ValueError) as error:
                emit("error", command=command, message=str(error))

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial(self, target: str) -> None:
        if not target:
            raise CommandError("call whom? A SIP URI or a number is missing")
        if self._call is not None:
            raise CommandError("there is a call already")
        if not target.startswith(("sip:", "sips:")):
            target = "sip:" + target
            if "@" not in target:
                if not self._domain:
                    raise CommandError("without a server a whole SIP URI is needed")
                target += "@" + self._domain
        self._expect_call()
        self._take(await self._ua.dial(target))

    async def _reject(self, _: str) -> None:
        call = self._current_call()
        self._hung_up = True
        await call.reject()

    async def _hang_up(self, _: str) -> None:
        call = self._current_call()
        self._hung_up = True
        await call.hangup()

    async def _send_digits(self, digits: str) -> None:
        if not digits:
            raise CommandError("which digits?")
        await self._current_call().send_dtmf(digits)
        emit("dtmf", digits=digits)

    async def _leave(self) -> None:
        if self._call is not None:
            self._hung_up = True
            try:
                await self._call.hangup()
            except BaresipError as error:
                log.info("at the end: %s", error)
        deadline = time.monotonic() + _HANGUP_S
        while self._call is not None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self._ending:
            await self._ending
        await self._unregister()


class CommandError(Exception):
    """A command that cannot be carried out now. The text is for whoever gave it."""


def _address_towards(server: str) -> str:
    host, _, port = server.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port or 5060)))
        return str(probe.getsockname()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description="A SIP phone, driven line by line.")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", default="")
    parser.add_argument("--server", metavar="HOST[:PORT]", help="registrar and proxy")
    parser.add_argument("--domain", help="SIP domain; default: the server")
    parser.add_argument("--listen", metavar="HOST:PORT", help="own address; port 0: a free one")
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--expires", type=int, default=600, metavar="S", help="of a registration")
    parser.add_argument("--say", type=Path, metavar="WAV", help="said over and over in a call")
    parser.add_argument("--record", type=Path, metavar="WAV", help="what was heard in a call")
    parser.add_argument("--codec", type=str.upper, choices=("PCMA", "PCMU"), help="only this one")
    parser.add_argument("--answer-after", type=int, metavar="MS", help="answer by itself")
    parser.add_argument(
        "--jitter-buffer", type=int, default=0, metavar="MS", help="baresip's; default 0: none"
    )
    parser.add_argument("--verbose", action="store_true", help="every SIP message on stderr")
    options = parser.parse_args()
    if options.say:
        try:
            read_wav(options.say)
        except (OSError, EOFError, ValueError, wave.Error) as error:
            parser.error(f"--say {options.say}: {error}")
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    asyncio.run(Phone(options).run())


if __name__ == "__main__":
    main()
