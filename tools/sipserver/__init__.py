"""A small SIP server for a house: registrar and proxy of firmware/sip round a socket and an SQLite file."""

import sys

from tools.interpreter import ROOT

# firmware/ is the root of a board's files; CPython also wants its stand-in for the module micropython.
for _path in ("firmware", "firmware/hal/desktop/cpython"):
    if str(ROOT / _path) not in sys.path:
        sys.path.insert(0, str(ROOT / _path))
