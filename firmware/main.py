"""What a board starts by itself: what the owner wrote is checked first, then the door that it asks for is loaded.

Files in the working directory (a board's flash): config.json, what the owner wants; board.json, what the board has.
"""

import gc
import sys


def collect_each(count_bytes):
    """Have the collector run each time that many bytes were allocated; -1: when there is no other way."""
    if hasattr(gc, "threshold"):  # not CPython's
        gc.threshold(count_bytes)


# Loading leaves garbage between what stays: collected often, the heap stays in one piece.
collect_each(4096)

import hal


def settings():
    """(config, board) out of the files. Raises ValueError with a sentence.

    What checks them is needed once, and its memory for a call: it is unloaded again.
    """
    from station import config

    loaded = config.load("config.json", "board.json")
    del sys.modules["station.config"], sys.modules["station"].config
    return loaded


console = hal.Console()
console.event("boot", {"interpreter": sys.implementation.name})
try:
    config, board = settings()

    import wiring

    door = wiring.Door(console, config, board)
    collect_each(-1)  # from here on wiring chooses pauses that nobody hears
    wiring.run(door)
except (ValueError, OSError) as error:
    console.event("error", {"why": str(error)})
    console.log("sipdoor: " + str(error))
    sys.exit(2)
