"""Run the server: registrar and proxy for one domain over UDP.

    python -m tools.sipserver --account door:secret --account 201:secret
        [--host 127.0.0.1] [--port 5060] [--domain NAME] [--database FILE]
        [--shortest-seconds 60] [--capture FILE.pcap]

Prints one JSON object a line: listening (host, port), registered and unregistered (aor, contacts), stopped.
Ends at `quit` or the end of its input, or at SIGTERM.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from typing import Any, cast

from hal import ticks_ms
from hal.desktop.capture import Capture
from sip.authenticator import Authenticator
from sip.proxy import Proxy
from sip.registrar import Registrar

from tools.sipserver.location import SqliteLocation


def say(event: str, **fields: Any) -> None:
    print(json.dumps({"time": round(time.time(), 3), "event": event, **fields}), flush=True)


class ReportingLocation(SqliteLocation):
    """Says what changes, for whoever watches the server."""

    def save(self, aor: str, binding: Any) -> None:
        is_new = binding.contact not in [each.contact for each in self.bindings(aor)]
        super().save(aor, binding)
        if is_new:
            say("registered", aor=aor, contact=binding.contact)

    def remove(self, aor: str, contact: str) -> None:
        super().remove(aor, contact)
        say("unregistered", aor=aor, contact=contact)


class Server(asyncio.DatagramProtocol):
    """The socket's side: datagrams to the proxy, its outbox to the network, its timers to the loop."""

    def __init__(self, arguments: argparse.Namespace, accounts: dict[str, str]) -> None:
        self.location = ReportingLocation(arguments.database)
        self._arguments = arguments
        self._accounts = accounts
        self._capture = Capture(arguments.capture) if arguments.capture else None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._own = transport.get_extra_info("sockname")
        arguments = self._arguments
        realm = arguments.domain or arguments.host
        authenticator = Authenticator(realm, self._accounts.get, time.time, os.urandom)
        registrar = Registrar(self.location, authenticator, arguments.shortest_seconds)
        domains = {realm, arguments.host}
        host, port = self._own[0], self._own[1]
        self._proxy = Proxy(host, port, os.urandom, domains, registrar, authenticator)
        say("listening", host=host, port=port)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._note(source, self._own, data)
        self._proxy.receive(data, ("UDP", *source), ticks_ms())
        self._settle()

    def error_received(self, exc: Exception) -> None:
        """A peer is gone; its transaction will time out."""

    def _settle(self) -> None:
        outbox = self._proxy.outbox
        while outbox:
            data, (_, host, port) = outbox.pop(0)
            self._note(self._own, (host, port), data)
            self._transport.sendto(data, (host, port))
        if self._timer:
            self._timer.cancel()
            self._timer = None
        wait_ms = self._proxy.wait_ms(ticks_ms())
        if wait_ms is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._advance)

    def _advance(self) -> None:
        self._proxy.advance(ticks_ms())
        self._settle()

    def _note(self, source: tuple[str, int], destination: tuple[str, int], data: bytes) -> None:
        if self._capture:
            self._capture.packet(self._capture.flow(source, destination), data, len(data))

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._transport.close()
        self.location.close()
        if self._capture:
            self._capture.close()


async def serve(arguments: argparse.Namespace, accounts: dict[str, str]) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    address = (arguments.host, arguments.port)
    _, server = await loop.create_datagram_endpoint(lambda: Server(arguments, accounts), address)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)

    def read_command() -> None:
        if sys.stdin.readline().strip() in ("", "quit"):
            loop.remove_reader(sys.stdin)
            stopped.set()

    loop.add_reader(sys.stdin, read_command)
    await stopped.wait()
    server.close()
    say("stopped")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.sipserver", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--account", action="append", required=True, metavar="USER:PASSWORD")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to serve (default 127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=5060, help="0 takes a free one")
    parser.add_argument(
        "--domain", default="", help="the domain of the accounts (default: the host)"
    )
    parser.add_argument("--database", default=":memory:", help="SQLite file of the bindings")
    parser.add_argument("--shortest-seconds", type=int, default=60, help="least expiry granted")
    parser.add_argument("--capture", default="", help="write every datagram to this pcap file")
    arguments = parser.parse_args()
    accounts = {}
    for account in arguments.account:
        user, colon, password = account.partition(":")
        if not (user and colon and password):
            parser.error(f"--account {account}: write it as USER:PASSWORD")
        accounts[user] = password
    try:
        asyncio.run(serve(arguments, accounts))
    except OSError as error:
        print(f"sipserver: {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
