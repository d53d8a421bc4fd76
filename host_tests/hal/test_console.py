"""Commands in, events out, in both interpreters."""

import json
import time

import pytest

from host_tests.hal.interpreters import BOTH, run, said

ECHO = """
import asyncio
from hal.desktop.console import Console

async def main():
    console = Console()
    while True:
        words = await console.command()
        console.event("command", {"words": words})
        if words is None:
            return

asyncio.run(main())
"""


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_command_is_the_words_of_a_line_and_the_end_of_the_input_is_none(interpreter):
    lines = b"press front 200\n\n   \n\tstatus \r\ncall sip:t\xc3\xbcr@pbx\nquit"
    assert [event["words"] for event in said(interpreter, ECHO, lines)] == [
        ["press", "front", "200"],
        ["status"],
        ["call", "sip:tür@pbx"],
        ["quit"],
        None,
    ]


EVENTS = r"""
from hal.desktop.console import Console
console = Console()
console.event("boot", {})
console.event("error", {"why": "two\r\nlines, \"quoted\", t\u00fcr, \x01 \\", "count": 3})
console.event("ended", {"cause": None, "is_last": True, "list": [1, "two"]})
console.log("a line for people")
try:
    {}["there"]
except KeyError as error:
    console.fault(error)
"""


@pytest.mark.parametrize("interpreter", BOTH)
def test_an_event_is_one_json_object_on_one_line_with_the_wall_clock(interpreter):
    before = time.time()
    done = run(interpreter, EVENTS)
    after = time.time()
    lines = done.stdout.split(b"\n")
    assert len(lines) == 4 and lines[3] == b""
    events = [json.loads(line) for line in lines[:3]]
    for event in events:
        assert before - 0.01 <= event.pop("time") <= after + 0.01
    assert events == [
        {"event": "boot"},
        {"event": "error", "why": 'two\r\nlines, "quoted", tür, \x01 \\', "count": 3},
        {"event": "ended", "cause": None, "is_last": True, "list": [1, "two"]},
    ]


@pytest.mark.parametrize("interpreter", BOTH)
def test_logs_and_faults_go_to_standard_error(interpreter):
    done = run(interpreter, EVENTS)
    log = done.stderr.decode()
    assert log.startswith("a line for people\n")
    assert "Traceback" in log and "KeyError" in log
    assert b"people" not in done.stdout and b"KeyError" not in done.stdout


@pytest.mark.parametrize("interpreter", BOTH)
def test_a_line_that_is_no_text_does_not_end_the_commands(interpreter):
    words = [event["words"] for event in said(interpreter, ECHO, b"\xff\xfe press\nquit\n")]
    assert words == [["b'\\xff\\xfe press\\n'"], ["quit"], None]
