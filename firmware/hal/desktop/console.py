"""Commands, one a line on standard input; events, one JSON object a line on standard output.

Logs and everything else go to standard error.
"""

import json
import sys

from . import interpreter


class Console:
    async def command(self):
        """The words of the next command line; None at the end of the input."""
        while True:
            line = await interpreter.line()
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
        line = {"time": round(interpreter.seconds(), 3), "event": name}
        line.update(fields)
        sys.stdout.write(json.dumps(line) + "\n")

    fault = staticmethod(interpreter.fault)

    def log(self, text):
        sys.stderr.write(text + "\n")
