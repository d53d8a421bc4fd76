"""pytest plugin: the firmware's tests run a second time, under MicroPython.

Each test function in host_tests/sip, media and station gets a twin, `test_x[micropython]`, reported as a test of
its own. The twins of a module run in one process of the unix port (runner.py), against the firmware compiled as for
a board except that line numbers are kept. A module that needs more than 512 KB of heap says HEAP = "2M".
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.build import BuildError, build
from tools.interpreter import micropython

FOLDERS = ("sip", "media", "station")
HEAP = "512K"
TIMEOUT_S = 60

_HERE = Path(__file__).resolve().parent
_FRAME = re.compile(r'^  File "(?:\./)?([^"]+)", line (\d+)(.*)')


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    folders = [parent.config.rootpath / "host_tests" / folder for folder in FOLDERS]
    if any(folder in module_path.parents for folder in folders):
        return TwiceRunModule.from_parent(parent, path=module_path)
    return None


class TwiceRunModule(pytest.Module):
    """A test module of the firmware: its functions, each followed by its twin."""

    results: "list[Result] | None" = None

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        cases: dict[str, int] = {}
        for node in super().collect():
            if not isinstance(node, pytest.Function):
                raise self.CollectError(
                    f"{node.name}: tests that MicroPython runs too are plain functions"
                )
            case = cases.get(node.originalname, 0)
            cases[node.originalname] = case + 1
            yield node
            yield Twin.from_parent(self, test=node, case=case)

    def result_of(self, twin: "Twin") -> "Result":
        """The twin's result; the first to ask has all the selected twins of the module run."""
        twins = [
            item for item in self.session.items if isinstance(item, Twin) and item.parent is self
        ]
        if self.results is None:
            heap = getattr(self.obj, "HEAP", HEAP)
            try:
                self.results = run(self.path, heap, twins, self.config.rootpath)
            except SystemExit as missing:  # no MicroPython or no mpy-cross here: a sentence says so
                self.results = [Result(failure=str(missing)) for _ in twins]
        return self.results[twins.index(twin)]


class Twin(pytest.Item):
    """A test function under MicroPython."""

    def __init__(self, *, test: pytest.Function, case: int, **kwargs) -> None:  # type: ignore[no-untyped-def]
        identifier = test.name[len(test.originalname) :].strip("[]")
        identifier = identifier + "-micropython" if identifier else "micropython"
        super().__init__(f"{test.originalname}[{identifier}]", **kwargs)
        self.test = test
        # What the runner is told: the function, and which of its parametrized cases, in pytest's order.
        self.request = (test.originalname, case)

    def runtest(self) -> None:
        assert isinstance(self.parent, TwiceRunModule)
        result = self.parent.result_of(self)
        if result.output:
            self.add_report_section("call", "output", result.output)
        if result.failure:
            raise FailedUnderMicroPython(result.failure)

    def repr_failure(self, excinfo, style=None):  # type: ignore[no-untyped-def]
        if isinstance(excinfo.value, FailedUnderMicroPython):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        path, line, _ = self.test.reportinfo()
        return Path(path), line, self.name


class FailedUnderMicroPython(Exception):
    """Its text is the report."""


@dataclass
class Result:
    failure: str = ""
    output: str = ""


def run(path: Path, heap: str, twins: list[Twin], root: Path) -> list[Result]:
    """Run the twins in one MicroPython; a result for each, in order."""
    build_error = ""
    firmware = root / "build" / "test"
    try:
        build("host", firmware, root, optimise=2)
    except BuildError as error:
        build_error = f"\n{error}"  # matters only to the tests that import the file
    request = {
        "module": ".".join(path.relative_to(root).with_suffix("").parts),
        "tests": [twin.request for twin in twins],
    }
    process = subprocess.Popen(
        [*micropython(heap), str(_HERE / "runner.py")],
        cwd=root,
        env={"MICROPYPATH": f"{firmware.relative_to(root)}:.:.frozen"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        # Not as an argument: MicroPython dies of one that is longer than 255 bytes.
        output, _ = process.communicate(json.dumps(request).encode(), timeout=TIMEOUT_S)
        end = f"MicroPython ended with status {process.returncode}"
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        end = f"MicroPython was stopped after {TIMEOUT_S} s"
    results = read_results(output.decode(errors="replace"), len(twins), end)
    for result in results:
        if result.failure:
            result.failure = readable(result.failure, root) + build_error
    return results


def read_results(output: str, count: int, end: str) -> list[Result]:
    """What the runner said, as a result for each of `count` tests; one without an end failed as `end` says."""
    results = [Result(failure="no result") for _ in range(count)]
    before, *records = output.split("\x1e")
    running: int | None = None
    ended = 0
    last = before
    for record in records:
        line, _, last = record.partition("\n")
        said = json.loads(line)
        if "begin" in said:
            running = said["begin"]
            results[running].output = last
        else:
            running = None
            ended += 1
            results[said["end"]].failure = said["traceback"] or ""
    for number, result in enumerate(results):
        if result.failure != "no result":
            continue
        if number == running:
            result.failure, result.output = f"{end} in this test:\n{last}", ""
        elif running is not None:
            result.failure = f"{end} in an earlier test:\n{last}"
        else:
            result.failure = f"{end} before this test:\n{last}"
    return results


def readable(traceback: str, root: Path) -> str:
    """MicroPython's traceback in pytest's manner: the error first, then the frames with their source lines."""
    error, frames = [], []
    for line in traceback.splitlines():
        frame = _FRAME.match(line)
        if not frame:
            error.append(line)
            continue
        name, number, function = frame.groups()
        path = next(
            (path for path in (root / "firmware" / name, root / name) if path.is_file()), None
        )
        if path is None:
            frames.append(f"{name}:{number}{function}")
        elif path.resolve().parent != _HERE:
            source = path.read_text().splitlines()[int(number) - 1].strip()
            frames += [f"{path.relative_to(root)}:{number}{function}", "    " + source]
    text = "\n".join(error).replace("Traceback (most recent call last):\n", "").strip()
    if text == "AssertionError:" and frames:
        text += " " + frames[-1].strip()
    return "\n".join([text, *frames])
