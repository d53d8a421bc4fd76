"""The plugin itself: a small project of its own is tested, and what pytest reports is read."""

import pytest

from host_tests.micropython import plugin

FIRMWARE = """
import micropython
from micropython import const

_LIMIT = const(3)

def checked(number):
    if number > _LIMIT:
        raise ValueError("%d is too many" % number)
    return number

@micropython.viper
def total(values: ptr8, count: int) -> int:
    result = 0
    for i in range(count):
        result += values[i]
    return result
"""


@pytest.fixture
def run(pytester):
    """run(text of the module, *pytest's arguments) → {name of the test: its report}, all in a project of its own."""
    firmware = pytester.mkdir("firmware") / "sip"
    firmware.mkdir()
    (firmware / "numbers.py").write_text(FIRMWARE)
    tests = pytester.mkdir("host_tests") / "sip"
    tests.mkdir()
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")

    def run_pytest(module, *arguments):
        (tests / "test_it.py").write_text(module)
        recorder = pytester.inline_run("-p", "host_tests.micropython.plugin", *arguments)
        reports = recorder.getreports("pytest_runtest_logreport")
        return {
            report.location[2]: report
            for report in reports
            if report.when == "call" or report.failed
        }

    return run_pytest


def outcomes(reports):
    return {name: report.outcome for name, report in reports.items()}


def under_micropython(reports):
    return {name: outcome for name, outcome in outcomes(reports).items() if "micropython]" in name}


WHICH = "import sys\nUNDER_MICROPYTHON = sys.implementation.name == 'micropython'\n"


def test_a_test_runs_under_both_interpreters_and_each_has_its_own_outcome(run):
    reports = run(
        WHICH
        + "def test_here():\n    assert not UNDER_MICROPYTHON\n"
        + "def test_there():\n    assert UNDER_MICROPYTHON\n"
    )
    assert outcomes(reports) == {
        "test_here": "passed",
        "test_here[micropython]": "failed",
        "test_there": "failed",
        "test_there[micropython]": "passed",
    }


def test_a_failure_shows_the_error_the_lines_and_the_output(run):
    reports = run(
        WHICH
        + "def test_it():\n    print('about to')\n    if UNDER_MICROPYTHON:\n"
        + "        from sip.numbers import checked, total\n"
        + "        assert total(b'abc', 3) == 294\n        checked(4)\n"
    )
    report = reports["test_it[micropython]"]
    assert str(report.longrepr).splitlines() == [
        "ValueError: 4 is too many",
        "host_tests/sip/test_it.py:8, in test_it",
        "    checked(4)",
        "firmware/sip/numbers.py:9, in checked",
        '    raise ValueError("%d is too many" % number)',
    ]
    assert ("Captured output call", "about to\n") in report.sections


def test_a_failed_assertion_shows_its_source(run):
    report = run(WHICH + "def test_it():\n    assert not UNDER_MICROPYTHON\n")[
        "test_it[micropython]"
    ]
    assert str(report.longrepr).startswith("AssertionError: assert not UNDER_MICROPYTHON")


def test_every_parametrized_case_reaches_its_twin(run):
    reports = run(
        "import pytest\n"
        "@pytest.mark.parametrize('x', [1, 2, 3])\n"
        "@pytest.mark.parametrize('a, b', [(10, 20), (30, 40)])\n"
        "@pytest.mark.parametrize('text', ['p', 'q'], ids=['first', 'second'])\n"
        "def test_it(x, a, b, text):\n"
        "    assert (x, a, b, text) == (3, 30, 40, 'q')\n"
    )
    assert len(reports) == 24
    passed = [name for name, outcome in outcomes(reports).items() if outcome == "passed"]
    assert passed == ["test_it[second-30-40-3]", "test_it[second-30-40-3-micropython]"]


def test_raises(run):
    reports = run(
        "import pytest\n"
        "def test_raised():\n"
        "    with pytest.raises((KeyError, ValueError)) as caught:\n"
        "        int('x')\n"
        "    assert isinstance(caught.value, ValueError)\n"
        "def test_not_raised():\n"
        "    with pytest.raises(ValueError):\n"
        "        pass\n"
        "def test_another():\n"
        "    with pytest.raises(ValueError):\n"
        "        {}['x']\n"
    )
    assert under_micropython(reports) == {
        "test_raised[micropython]": "passed",
        "test_not_raised[micropython]": "failed",
        "test_another[micropython]": "failed",
    }


def test_only_what_is_selected_runs(run):
    module = (
        "import os\n"
        "def test_one():\n    pass\n"
        "def test_two():\n    open('two-ran', 'w').close()\n"
        "def test_three():\n    pass\n"
    )
    assert outcomes(run(module, "host_tests/sip/test_it.py::test_three[micropython]")) == {
        "test_three[micropython]": "passed"
    }
    assert list(run(module, "-k", "not two")) == [
        "test_one",
        "test_one[micropython]",
        "test_three",
        "test_three[micropython]",
    ]


def test_a_module_that_only_cpython_can_import_fails_there(run):
    reports = run("import dataclasses\ndef test_it():\n    pass\n")
    assert outcomes(reports) == {"test_it": "passed", "test_it[micropython]": "failed"}
    assert "no module named 'dataclasses'" in str(reports["test_it[micropython]"].longrepr)


def test_system_exit_ends_only_its_own_test(run):
    reports = run(
        WHICH
        + "def test_one():\n    if UNDER_MICROPYTHON:\n        sys.exit(0)\n"
        + "def test_two():\n    pass\n"
    )
    assert under_micropython(reports) == {
        "test_one[micropython]": "failed",
        "test_two[micropython]": "passed",
    }


def test_a_crash_fails_the_test_that_caused_it_and_those_after_it(run):
    reports = run(
        WHICH
        + "def test_before():\n    pass\n"
        + "def test_crash():\n    print('near the end')\n    if UNDER_MICROPYTHON:\n"
        + "        import uctypes\n        uctypes.bytearray_at(0, 1)[0] = 1\n"
        + "def test_after():\n    pass\n"
    )
    assert under_micropython(reports) == {
        "test_before[micropython]": "passed",
        "test_crash[micropython]": "failed",
        "test_after[micropython]": "failed",
    }
    crash = str(reports["test_crash[micropython]"].longrepr)
    assert "in this test" in crash and "near the end" in crash
    assert "in an earlier test" in str(reports["test_after[micropython]"].longrepr)


def test_a_test_that_never_ends_is_stopped(run, monkeypatch):
    monkeypatch.setattr(plugin, "TIMEOUT_S", 0.5)
    reports = run(
        WHICH
        + "def test_it():\n    if UNDER_MICROPYTHON:\n        import time\n        time.sleep(60)\n"
    )
    assert "stopped after 0.5 s in this test" in str(reports["test_it[micropython]"].longrepr)


def test_a_module_may_ask_for_another_heap(run):
    module = "def test_it():\n    assert len(bytearray(600_000)) == 600_000\n"
    reports = run(module)
    assert "MemoryError" in str(reports["test_it[micropython]"].longrepr)
    assert outcomes(run("HEAP = '1M'\n" + module))["test_it[micropython]"] == "passed"


def test_firmware_that_does_not_compile_is_named(run, pytester):
    (pytester.path / "firmware" / "sip" / "broken.py").write_text("def f(:\n    pass\n")
    reports = run(
        WHICH
        + "def test_one():\n    pass\n"
        + "def test_two():\n    if UNDER_MICROPYTHON:\n        import sip.broken\n"
    )
    assert under_micropython(reports) == {
        "test_one[micropython]": "passed",
        "test_two[micropython]": "failed",
    }
    assert "firmware/sip/broken.py does not compile" in str(
        reports["test_two[micropython]"].longrepr
    )


def test_without_micropython_its_tests_fail_with_a_sentence(run, monkeypatch):
    def missing(heap):
        raise SystemExit("No MicroPython here")

    monkeypatch.setattr(plugin, "micropython", missing)
    reports = run("def test_it():\n    pass\n")
    assert outcomes(reports) == {"test_it": "passed", "test_it[micropython]": "failed"}
    assert str(reports["test_it[micropython]"].longrepr) == "No MicroPython here"


def test_a_class_of_tests_is_refused(run, pytester):
    (pytester.path / "host_tests" / "sip" / "test_it.py").write_text(
        "class TestIt:\n    def test_it(self):\n        pass\n"
    )
    result = pytester.runpytest_inprocess("-p", "host_tests.micropython.plugin")
    result.stdout.fnmatch_lines(["*tests that MicroPython runs too are plain functions*"])
    assert result.ret != 0
