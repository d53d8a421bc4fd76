"""What touches the world, and decides nothing. Two sides with the same names: `esp32` and `desktop`.

ticks_ms()                    time in ms, wrapping at 2**30 as sip.timers counts it
sleep_ms(ms)                  awaitable; allocates nothing
random(n)                     n random bytes
Link(board)                   the network: .address once .up() is True
UdpSocket(host, port)         see desktop.net
Audio(settings)               microphone and speaker: see desktop.audio
Input(settings) Relay(settings)   .is_closed() and .set(closed)
Console(board)                commands in, events out: see desktop.console
memory()                      (bytes used, bytes free, bytes allocated since boot) of the heap
"""

import sys

if sys.platform == "esp32":
    from .esp32 import *  # noqa: F403
else:
    from .desktop import *  # noqa: F403
