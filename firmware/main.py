"""What a board starts by itself: what the owner wrote is checked first, then the door that it asks for is loaded.

Files in the working directory (a board's flash): config.json, what the owner wants; board.json, what the board has.
"""

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


console = hal.Console()
console.event("boot", {"interpreter": sys.implementation.name})
try:
    config, board = settings()

    import wiring

    door = wiring.Door(console, config, board)
    hal.collect_each(-1)  # from here on wiring knows when
    wiring.run(door)
except (ValueError, OSError) as error:
    console.event("error", {"why": str(error)})
    console.log("sipdoor: " + str(error))
    sys.exit(2)
