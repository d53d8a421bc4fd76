"""What a board starts by itself: what the owner wrote is checked first, then the door that it asks for is loaded.

Files in the working directory (a board's flash): config.json, what the owner wants; board.json, what the board has.
"""

import asyncio
import sys

import hal

# Loading leaves garbage between what stays: collected often, the heap stays in one piece.
hal.collect_each(4096)


def settings():
    """(config, board) out of the files. Raises ValueError with a sentence.

    What checks them is needed once, and its memory for a call: it is unloaded again.
    """
    from station import config

    loaded = config.load("config.json", "board.json")
    del sys.modules["station.config"], sys.modules["station"].config
    return loaded


def made(console):
    """The door that the files ask for. Raises ValueError or OSError with a sentence."""
    config, board = settings()
    from wiring import Door

    return Door(console, config, board)


def start(console):
    console.event("boot", {"interpreter": sys.implementation.name})
    try:
        return made(console)
    except (ValueError, OSError) as error:
        console.event("error", {"why": str(error)})
        console.log("sipdoor: " + str(error))
        sys.exit(2)


door = start(hal.Console())
hal.collect_each(-1)  # from here on wiring knows when
asyncio.run(door.run())
