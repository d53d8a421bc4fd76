"""What a configuration costs in a board's memory: its modules, their .mpy bytes, the heap they take.

    python tools/size.py [NAME …]

The named configurations are tools/configurations/NAME.json: `board` is a board's description, `modules` names what
no description asks for yet. Which modules a door loads is not listed anywhere: it is what `wiring.load(board)` imports
under MicroPython. What checks the configuration is not in it: main.py unloads it before anything else is loaded.
Ends with status 1 and a sentence when one is over its limit.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.build import STARTED_AS_SOURCE, BuildError, Compiler, build
from tools.interpreter import ROOT, micropython

NAMES = ("ring-only", "plain", "secure", "everything")
BOARD = "xtensawin"

# .mpy bytes that leave a stock ESP32 its room for calls (docs/memory.md).
LIMIT_BYTES = {"ring-only": 36 * 1024, "plain": 56 * 1024}

# Measured on a stock ESP32 image: a loaded .mpy takes 1.55 times its file size of the heap, and the
# 64-bit unix port takes 1.62 times the heap that the board takes for the same.
HEAP_PER_FILE_BYTE = 1.55
UNIX_HEAP_PER_BOARD_HEAP = 1.62

# Run by the unix port. What the probe itself allocates comes first.
_PROBE = """
import gc, json, os, sys
config = json.loads(os.getenv("CONFIGURATION"))
before = set(sys.modules)
gc.collect()
free_of_modules = gc.mem_alloc()
import wiring
wiring.load(config["board"])
for name in config.get("modules", []):
    __import__(name)
gc.collect()
heap_bytes = gc.mem_alloc() - free_of_modules
print(json.dumps({"modules": [name for name in sys.modules if name not in before], "heap_bytes": heap_bytes}))
"""


@dataclass
class Footprint:
    """What one configuration loads."""

    mpy_bytes: dict[str, int]
    """Each module that a board loads → the size of its .mpy (main and boot, which it compiles itself, included)."""
    desktop_bytes: int
    """The .mpy of hal/desktop that was loaded here and is on no board."""
    unix_heap_bytes: int

    @property
    def total_bytes(self) -> int:
        return sum(self.mpy_bytes.values())

    @property
    def heap_by_size_bytes(self) -> int:
        """The ESP32's heap, from the file sizes."""
        return round(self.total_bytes * HEAP_PER_FILE_BYTE)

    @property
    def heap_by_unix_bytes(self) -> int:
        """The ESP32's heap, from the unix port's."""
        return round(self.unix_heap_bytes / UNIX_HEAP_PER_BOARD_HEAP)


def footprint(config: dict, root: Path = ROOT) -> Footprint:
    """Load a named configuration in the unix port. Raises RuntimeError with its traceback."""
    host, board = root / "build" / "host", root / "build" / BOARD
    build("host", host, root)
    build(BOARD, board, root)
    done = subprocess.run(
        micropython(),
        input=_PROBE,
        cwd=host,  # where a script from standard input imports from first
        env={"MICROPYPATH": ".frozen", "CONFIGURATION": json.dumps(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError((done.stdout + done.stderr).strip())
    loaded = json.loads(done.stdout.splitlines()[-1])

    compiler = Compiler(BOARD)
    mpy_bytes = {}
    for name in STARTED_AS_SOURCE:
        source = root / "firmware" / name
        if source.exists():
            mpy_bytes[source.stem] = len(compiler.compile(source.read_bytes(), name))
    desktop_bytes = 0
    for module in loaded["modules"]:
        here = _compiled(host, module)
        if not here:
            continue  # frozen into MicroPython, here as on the board
        on_board = module.replace("hal.desktop", "hal.esp32", 1)
        file = _compiled(board, on_board)
        if file:
            mpy_bytes[on_board] = file.stat().st_size
        if on_board != module:
            desktop_bytes += here.stat().st_size
    return Footprint(mpy_bytes, desktop_bytes, loaded["heap_bytes"])


def _compiled(directory: Path, module: str) -> Path | None:
    path = directory.joinpath(*module.split("."))
    return next(
        (file for file in (path.with_suffix(".mpy"), path / "__init__.mpy") if file.exists()), None
    )


def table(footprints: dict[str, Footprint]) -> str:
    """The footprints side by side: a row for each module, then the totals."""
    modules = sorted({module for each in footprints.values() for module in each.mpy_bytes})
    rows: list[tuple[str, list[int | None]]] = [
        (module, [each.mpy_bytes.get(module) for each in footprints.values()]) for module in modules
    ]
    totals: list[tuple[str, list[int | None]]] = [
        (".mpy, bytes", [each.total_bytes for each in footprints.values()]),
        ("limit", [LIMIT_BYTES.get(name) for name in footprints]),
        ("heap, unix port", [each.unix_heap_bytes for each in footprints.values()]),
        ("heap, ESP32 by .mpy", [each.heap_by_size_bytes for each in footprints.values()]),
        ("heap, ESP32 by unix", [each.heap_by_unix_bytes for each in footprints.values()]),
    ]
    width = max(len(label) for label, _ in rows + totals)
    columns = [max(len(name), 9) for name in footprints]

    def line(label: str, cells: list[str]) -> str:
        return f"{label:{width}}" + "".join(
            f"  {cell:>{column}}" for cell, column in zip(cells, columns, strict=True)
        )

    def numbers(row: tuple[str, list[int | None]]) -> str:
        return line(row[0], ["-" if cell is None else f"{cell:,}" for cell in row[1]])

    header = line("", list(footprints))
    return "\n".join([header, *map(numbers, rows), "", *map(numbers, totals)])


def over_limit(footprints: dict[str, Footprint]) -> list[str]:
    """A sentence for each configuration that loads more than its limit."""
    return [
        f"{name} loads {each.total_bytes:,} bytes of .mpy: {each.total_bytes - LIMIT_BYTES[name]:,} more than "
        f"its limit of {LIMIT_BYTES[name] // 1024} KB."
        for name, each in footprints.items()
        if name in LIMIT_BYTES and each.total_bytes > LIMIT_BYTES[name]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="The memory that the firmware takes on a board.")
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=", ".join(NAMES))
    footprints = {}
    for name in parser.parse_args().names:
        path = ROOT / "tools" / "configurations" / f"{name}.json"
        if not path.exists():
            raise SystemExit(f"There is no configuration {name}: {path} is missing.")
        try:
            footprints[name] = footprint(json.loads(path.read_text()))
        except (BuildError, RuntimeError) as error:
            raise SystemExit(f"{name} does not load:\n{error}") from None
    print(table(footprints))
    desktop_bytes = max(each.desktop_bytes for each in footprints.values())
    print(
        f"\nThe unix port's heap also holds hal/desktop ({desktop_bytes:,} bytes of .mpy); "
        "a board has hal/esp32 in its place, counted as far as it is there."
    )
    complaints = over_limit(footprints)
    if complaints:
        raise SystemExit("\n".join(complaints))


if __name__ == "__main__":
    main()
