"""What hal/desktop needs of MicroPython's unix port."""

import gc
import socket
import sys
import time
from asyncio import core, sleep_ms  # type: ignore[attr-defined]
from time import ticks_diff, ticks_us

import micropython

collect_each = gc.threshold

__all__ = (
    "collect_each",
    "fault",
    "line",
    "memory",
    "packed",
    "readable",
    "reader_of",
    "seconds",
    "sleep_ms",
    "ticks_diff",
    "ticks_ms",
    "ticks_us",
    "unpacked",
)


def ticks_ms():
    """ms, wrapping at 2**30 as they do on a board."""
    return time.ticks_ms() & 0x3FFFFFFF  # type: ignore[operator]


def seconds():
    """Seconds of the epoch."""
    return time.time_ns() / 1000000000


def memory():
    return gc.mem_alloc(), gc.mem_free(), micropython.mem_total()


def packed(host, port):
    """A socket address of (host, port)."""
    return socket.getaddrinfo(host, port)[0][-1]


def unpacked(address):
    """(host, port) of a socket address."""
    _, host, port = socket.sockaddr(address)[:3]
    return socket.inet_ntop(socket.AF_INET, host), port


def readable(source):
    """Awaitable until a socket or file has something to read."""
    # A generator, as the event loop's own streams wait: a coroutine would be one object more.
    yield core._io_queue.queue_read(source)


def reader_of(source):
    """The function that reads a datagram into a buffer and gives its length."""
    return source.readinto


async def line():
    """The next line of standard input, as bytes."""
    # Not asyncio's StreamReader: its module costs 2 KB of a heap that is a board's.
    await readable(sys.stdin)
    return sys.stdin.buffer.readline()


def fault(error):
    """Log an exception that should not have been."""
    sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]
