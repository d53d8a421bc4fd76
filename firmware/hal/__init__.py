"""What touches the world, and decides nothing. Two sides with the same names: `esp32` and `desktop`.

ticks_ms()        time in ms, wrapping at 2**30 as sip.timers counts it
sleep_ms(ms)      awaitable
random(n)         n random bytes
Link(settings)    the network: .address, and .socket(port) for a UDP socket; see desktop.net
Audio(settings)   microphone and speaker; see desktop.audio
Input(settings)   a button or contact: .is_closed()
Relay(settings)   .set(closed)
Console()         commands in, events out; see desktop.console
collect_each(n)   have the collector run whenever n bytes were allocated; -1: when nothing is left
memory()          (bytes used, bytes free, bytes allocated since boot) of the heap
"""

import sys

if sys.platform == "esp32":
    from .esp32 import *  # noqa: F403
else:
    from .desktop import *  # noqa: F403
