"""What hal/desktop needs of CPython: the same names as in `unix`."""

import asyncio
import socket
import sys
import time

seconds = time.time

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
    return time.monotonic_ns() // 1_000_000 & 0x3FFFFFFF


def ticks_us():
    return time.monotonic_ns() // 1000


def ticks_diff(later, earlier):
    return later - earlier


def sleep_ms(ms):
    return asyncio.sleep(ms / 1000)


def collect_each(_count_bytes):
    """CPython counts references."""


def memory():
    """It keeps no such account."""
    return 0, 0, 0


def packed(host, port):
    return socket.getaddrinfo(host, port, socket.AF_INET)[0][-1]


def unpacked(address):
    return address


async def readable(source):
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(source, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(source)


def reader_of(source):
    return source.recv_into


async def line():
    # Read by a thread: a pipe, a file and a terminal alike.
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.readline)


def fault(error):
    sys.excepthook(type(error), error, error.__traceback__)
