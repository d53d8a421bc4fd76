"""The one place that knows all parts: it joins them and keeps them turning.

Three tasks: the heartbeat, the reader of the SIP socket, the reader of the console.
"""

import asyncio
import gc

import hal
from micropython import const
from sip.agent import Agent
from sip.request import Account
from station.station import Station

_BEAT_MS = const(20)
# A SIP message leaves eight times its size in garbage. Collected when this much was received, the heap stays in one
# piece; for the audio of a call alone it never has to be.
_COLLECT_BYTES = const(1024)
# What calls will need, held in one piece until the first registration is through and all that stays has found its place
# beside it.
_ROOM_BYTES = const(12288)
_FAREWELL_MS = const(4000)  # how long a stop waits for the server to hear of it


def load(board):
    """Import what this board needs beyond the plain ring: (its kind of voice, Commands or None)."""
    commands = None
    if "audio" in board:
        from station.voice import Voice as voice
    else:
        from station.silence import Silence as voice
    if "console" in board:
        from commands import Commands as commands
    return voice, commands


class Door:
    """The running door. config and board: as station.config checked them.

    Raises ValueError or OSError with a sentence when it cannot be made.
    """

    def __init__(self, console, config, board):
        self.console = console
        self.config = config
        voice, commands = load(board)
        link = hal.Link(board.get("network", {}))
        sip = config["sip"]
        self.socket = link.socket(sip["port"])
        self.host = link.address
        self.agent = Agent(link.address, self.socket.port, hal.random)
        hop = ("UDP", sip["host"], sip["server_port"])
        aor = "sip:%s@%s" % (sip["user"], sip["domain"])
        account = Account(aor, hop, sip["auth_user"], sip["password"], sip["display"])
        self.agent.account = account
        audio = hal.Audio(board["audio"]) if "audio" in board else None
        self.voice = voice(audio, link.socket, hal.random)
        self.buttons = made_of(hal.Input, board.get("buttons"))
        self.contacts = made_of(hal.Input, board.get("contacts"))
        relays = made_of(hal.Relay, board.get("relays"))
        self.station = Station(
            config, self.agent, account, self.voice, self.buttons, relays, self.host
        )
        self.commands = commands and commands(self)
        self.registration = None
        self.heap_peak_bytes = 0
        self._room = bytearray(_ROOM_BYTES)
        self._is_busy = False  # with a call
        self._received_bytes = 0  # since the last collection
        self.is_stopping = False
        self._is_late = False  # a stop has waited long enough

    async def run(self):
        """Run until it is told to stop and has said goodbye."""
        self.report_memory()
        self.console.event("link", {"address": self.host, "sip_port": self.socket.port})
        sip = self.config["sip"]
        self.registration = self.agent.register(
            self.agent.account, "sip:" + sip["domain"], sip["expires_seconds"], hal.ticks_ms()
        )
        self.flush()
        tasks = [asyncio.create_task(self.read_socket())]
        if self.commands:
            tasks.append(asyncio.create_task(self.commands.run()))
        await self.beat()
        self.station.release()
        self.flush()
        for task in tasks:
            task.cancel()

    def stop(self, now):
        """Hang up, unregister, end."""
        self.is_stopping = True
        self.station.hang_up(now)
        self.registration.stop(now)
        self.agent.after(_FAREWELL_MS, self._stop_waiting, None, now)

    def _stop_waiting(self, _):
        self._is_late = True

    def has_ended(self):
        return self.is_stopping and (
            self._is_late or not (self.agent.calls or self.registration.is_active())
        )

    async def beat(self):
        """The heartbeat: each 20 ms, in a call whenever the microphone has a frame."""
        due = hal.ticks_ms()
        while not self.has_ended():
            now = hal.ticks_ms()
            try:
                self.turn(now)
            except Exception as error:
                self.recover(error, now)
            if self.voice.is_running():
                due = now
                await hal.sleep_ms(self.voice.wait_ms())
            else:
                # An absolute schedule: a late wake-up does not make the next ones late.
                due = due + _BEAT_MS if 0 <= now - due < _BEAT_MS else now + _BEAT_MS
                await hal.sleep_ms(due - now)

    def turn(self, now):
        if self.voice.is_running():
            digit = self.voice.turn()
            if digit:
                self.station.digit(digit, now)
        self.station.sample(now)
        self.agent.advance(now)
        self.flush()
        was_busy, self._is_busy = self._is_busy, bool(self.agent.calls)
        if was_busy and not self._is_busy:
            # Nothing lingers after the last call: small pieces all over the heap are what fills it.
            self.agent.endpoint.let_go(0)
            self.collect()

    async def read_socket(self):
        while True:
            await self.socket.readable()
            now = hal.ticks_ms()
            try:
                # Nothing of a datagram may stay in this function's frame: it would live until the next one.
                self.receive(now)
            except Exception as error:
                self.recover(error, now)
                await hal.sleep_ms(_BEAT_MS)  # a fault that stays is not to take all the time

    def receive(self, now):
        received = self.socket.receive()
        if received is None:
            return
        data, source = received
        self.agent.receive(data, ("UDP", source[0], source[1]), now)
        self.flush()
        self._received_bytes += len(data)
        data = received = None
        if self._received_bytes > _COLLECT_BYTES:
            self._received_bytes = 0
            self.collect()

    def recover(self, error, now):
        """A fault of ours ends the visit that it happened in, and nothing else."""
        # Where memory is what was missing, there is more now; a datagram that found no room is still there.
        self._room = None
        self.agent.endpoint.let_go(0)
        self.collect()
        self.console.fault(error)
        self.station.fail("%s: %s" % (type(error).__name__, error), now)
        self.flush()

    def flush(self):
        """Carry out into the world what the agent and the station have to say."""
        self.station.settle()
        while self.agent.outbox:
            self._send(*self.agent.outbox.pop(0))
        while self.station.events:
            self._tell(*self.station.events.pop(0))

    def _send(self, data, hop):
        self.socket.send(data, (hop[1], hop[2]))

    def _tell(self, name, fields):
        self.console.event(name, fields)
        if name in ("registered", "registration_failed"):
            self._room = None
        if name in ("registered", "answered", "ended"):
            self.report_memory()

    def collect(self):
        self.heap_peak_bytes = max(self.heap_peak_bytes, hal.memory()[0])
        gc.collect()

    def report_memory(self):
        self.collect()
        used, free, _ = hal.memory()
        fields = {"used_bytes": used, "free_bytes": free, "peak_bytes": self.heap_peak_bytes}
        self.console.event("memory", fields)


def made_of(kind, described):
    """A dict of name → kind(settings) for each entry of a board's section."""
    return {name: kind(described[name]) for name in described or ()}
