"""The desktop's side: virtual pins and audio, real sockets; the MicroPython unix port and CPython alike."""

import os

from .audio import Audio
from .console import Console
from .interpreter import collect_each, memory, sleep_ms, ticks_ms
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
