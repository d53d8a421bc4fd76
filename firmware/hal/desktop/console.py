"""Commands, one a line on standard input; events, one JSON object a line on standard output.

Logs and everything else go to standard error.
"""

import json
import sys
import time

_MICROPYTHON = sys.implementation.name == "micropython"

if _MICROPYTHON:
    import asyncio

    def _stdin():
        return asyncio.StreamReader(sys.stdin.buffer)

    def _seconds():
        return time.time_ns() / 1000000000

else:
    import asyncio

    _seconds = time.time

    class _stdin:
        """Lines of standard input, read by a thread: a pipe, a file and a terminal alike."""

        async def readline(self):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, sys.stdin.buffer.readline)


class Console:
    def __init__(self):
        self._lines = _stdin()

    async def command(self):
        """The words of the next command line; None at the end of the input."""
        while True:
            line = await self._lines.readline()
            if not line:
                return None
            try:
                words = line.decode().split()
            except UnicodeError:
                words = [str(line)]  # whoever takes the commands says that this is none
            if words:
                return words

    def event(self, name, fields):
        """Print one event; fields is a dict."""
        line = {"time": round(_seconds(), 3), "event": name}
        line.update(fields)
        print(json.dumps(line))
        if not _MICROPYTHON:
            sys.stdout.flush()

    def fault(self, error):
        """Log an exception that should not have been."""
        if _MICROPYTHON:
            sys.print_exception(error, sys.stderr)
        else:
            sys.excepthook(type(error), error, error.__traceback__)

    def log(self, text):
        sys.stderr.write(text + "\n")
