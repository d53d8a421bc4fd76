"""The location service in SQLite (RFC 3261 section 10): bindings that outlive a restart.

The same three methods as sip.registrar.Location, which is the one in memory.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from sip.registrar import Binding

_TABLE = """
CREATE TABLE IF NOT EXISTS binding (
    aor TEXT NOT NULL,
    contact TEXT NOT NULL,
    transport TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (aor, contact)
)
"""


class SqliteLocation:
    """Bindings in the file `path` (":memory:" for none). clock: epoch seconds."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)

    def bindings(self, aor: str) -> list[Binding]:
        """The bindings of `aor` that have not expired."""
        self._database.execute("DELETE FROM binding WHERE expires_at <= ?", (self.clock(),))
        rows = self._database.execute(
            "SELECT contact, transport, host, port, call_id, cseq, expires_at"
            " FROM binding WHERE aor = ? ORDER BY rowid",
            (aor,),
        )
        with closing(rows):
            return [
                Binding(contact, (transport, host, port), call_id, cseq, expires_at)
                for contact, transport, host, port, call_id, cseq, expires_at in rows
            ]

    def save(self, aor: str, binding: Binding) -> None:
        """Add `binding`, or replace the one with its contact."""
        row = (
            aor,
            binding.contact,
            *binding.hop,
            binding.call_id,
            binding.cseq,
            binding.expires_at,
        )
        self._database.execute("REPLACE INTO binding VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def remove(self, aor: str, contact: str) -> None:
        self._database.execute("DELETE FROM binding WHERE aor = ? AND contact = ?", (aor, contact))

    def close(self) -> None:
        self._database.close()
