"""Talking to a program line by line, and saying clearly what went wrong with it."""

import sys
import time

import pytest

from tools.lines import LineProcess, LineProcessError

# Says what it is told to say, as an event with its number.
ECHO = """
import json, sys, time
print("started", file=sys.stderr, flush=True)
for number, line in enumerate(sys.stdin):
    word = line.strip()
    if word == "die":
        print("it hurts", file=sys.stderr, flush=True)
        sys.exit(3)
    if word == "noise":
        print("this is no JSON", flush=True)
    if word == "quit":
        break
    print(json.dumps({"time": time.time(), "event": word, "number": number}), flush=True)
else:
    print("end of input", file=sys.stderr, flush=True)
"""


def echo(code=ECHO):
    return LineProcess([sys.executable, "-c", code], name="echo")


def test_events_come_back_and_are_kept():
    with echo() as process:
        process.send("hello")
        process.send("world")
        assert process.wait("world", 5)["number"] == 1
        assert process.wait("hello", 5)["number"] == 0
        assert [event["event"] for event in process.events] == ["hello", "world"]
    assert process.returncode == 0
    assert process.stderr_tail() == "started"


def test_each_event_is_waited_for_once():
    with echo() as process:
        for word in ("digit", "other", "digit", "digit"):
            process.send(word)
        assert [process.wait("digit", 5)["number"] for _ in range(3)] == [0, 2, 3]
        with pytest.raises(LineProcessError):
            process.wait("digit", 0.05)


def test_fields_choose_the_event():
    with echo() as process:
        for _ in range(3):
            process.send("digit")
        assert process.wait("digit", 5, number=2)["number"] == 2
        assert process.wait("digit", 5)["number"] == 0


def test_what_is_forgotten_is_not_waited_for():
    with echo() as process:
        process.send("ended")
        process.send("mark")
        process.wait("mark", 5)
        process.forget()
        process.send("ended")
        assert process.wait("ended", 5)["number"] == 2
        assert len(process.events) == 3


def test_a_time_out_tells_what_was_seen():
    with echo() as process:
        process.send("hello")
        process.send("noise")
        process.wait("noise", 5)
        with pytest.raises(LineProcessError) as caught:
            process.wait("answered", 0.1, by="me")
    text = str(caught.value)
    assert "echo: no event answered by='me' in 0.1 s; it is running" in text
    assert '"event": "hello"' in text
    assert "started" in text
    assert "[stdout] this is no JSON" in text


def test_a_death_is_told_at_once_with_the_last_words():
    with echo() as process:
        process.send("die")
        before = time.monotonic()
        with pytest.raises(LineProcessError) as caught:
            process.wait("answered", 30)
        assert time.monotonic() - before < 10
        assert "it ended with status 3" in str(caught.value)
        assert "it hurts" in str(caught.value)
        with pytest.raises(LineProcessError, match="cannot take the command 'hello'"):
            process.send("hello")
            process.send("hello")


def test_an_event_before_the_death_is_still_there():
    with echo() as process:
        process.send("hello")
        process.send("die")
        with pytest.raises(LineProcessError):
            process.wait("never", 30)
        assert process.wait("hello", 0)["number"] == 0


def test_stop_says_quit_and_can_be_said_twice():
    process = echo()
    process.send("hello")
    process.wait("hello", 5)
    assert process.stop() == 0
    assert process.stop() == 0
    assert "end of input" not in process.stderr_tail()


def test_what_does_not_quit_is_ended(monkeypatch):
    monkeypatch.setattr("tools.lines._QUIT_S", 0.2)
    monkeypatch.setattr("tools.lines._TERMINATE_S", 0.2)
    deaf = echo('import time; print(\'{"event": "up"}\', flush=True); time.sleep(60)')
    deaf.wait("up", 5)
    assert deaf.stop() == -15
    stubborn = echo(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        'print(\'{"event": "up"}\', flush=True); time.sleep(60)'
    )
    stubborn.wait("up", 5)
    assert stubborn.stop() == -9
