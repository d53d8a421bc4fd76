"""A script of a hal test in either interpreter, as a process of its own."""

import json
import subprocess
import sys

from tools.interpreter import ROOT, micropython

BOTH = ["cpython", "micropython"]


def run(interpreter, script, stdin=b"", timeout_s=20):
    """The finished process; firmware/ is on its sys.path, and it must end by itself with status 0."""
    roots = ["firmware"]
    command = micropython("256K")
    if interpreter == "cpython":
        roots.append("firmware/hal/desktop/cpython")
        command = [sys.executable]
    command += ["-c", f"import sys; sys.path[:0] = {roots!r}\n{script}"]
    done = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done


def said(interpreter, script, stdin=b""):
    """What the script printed: a JSON value on each line."""
    return [json.loads(line) for line in run(interpreter, script, stdin).stdout.splitlines()]
