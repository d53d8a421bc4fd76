"""What the two interpreters call by different names: `unix` for MicroPython, cpython/cpython.py for the other.

Apart in two files, since code that is only there for the other interpreter would take a board's memory too.
"""

import sys

_MICROPYTHON = sys.implementation.name == "micropython"

if _MICROPYTHON:
    from .unix import *  # noqa: F403
else:
    from cpython import *  # noqa: F403
