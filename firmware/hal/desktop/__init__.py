"""The desktop's side: virtual pins and audio, real sockets; the MicroPython unix port and CPython alike."""

import gc
import os
import sys
import time

from .audio import Audio
from .console import Console
from .net import Link, UdpSocket
from .pins import Input, Relay

__all__ = (
    "Audio",
    "Console",
    "Input",
    "Link",
    "Relay",
    "UdpSocket",
    "collect_each",
    "memory",
    "random",
    "sleep_ms",
    "ticks_ms",
)

random = os.urandom
_MICROPYTHON = sys.implementation.name == "micropython"
_WRAP = (1 << 30) - 1

if _MICROPYTHON:
    from asyncio import sleep_ms

    import micropython

    def ticks_ms():
        return time.ticks_ms() & _WRAP  # type: ignore[operator]

    collect_each = gc.threshold

    def memory():
        return gc.mem_alloc(), gc.mem_free(), micropython.mem_total()

else:
    import asyncio

    def ticks_ms():
        return time.monotonic_ns() // 1000000 & _WRAP

    def sleep_ms(ms):
        return asyncio.sleep(ms / 1000)

    def collect_each(_):
        pass  # CPython counts references

    def memory():
        return 0, 0, 0  # and keeps no such account
