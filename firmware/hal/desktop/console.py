"""Commands, one a line on standard input; events, one JSON object a line on standard output.

Logs and everything else go to standard error.
"""

import json
import sys
import time

_MICROPYTHON = sys.implementation.name == "micropython"

if _MICROPYTHON:
    from .net import readable

    async def _line():
        # Not asyncio's StreamReader: its module costs 2 KB of a heap that is a board's.
        await readable(sys.stdin)
        return sys.stdin.buffer.readline()

    def _seconds():
        return time.time_ns() / 1000000000

else:
    import asyncio

    _seconds = time.time

    async def _line():
        # Read by a thread: a pipe, a file and a terminal alike.
        return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.readline)


class Console:
    async def command(self):
        """The words of the next command line; None at the end of the input."""
        while True:
            line = await _line()
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
            sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]
        else:
            sys.excepthook(type(error), error, error.__traceback__)

    def log(self, text):
        sys.stderr.write(text + "\n")
