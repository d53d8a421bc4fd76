"""The whole house as a new user has it: real server, real phones, the firmware in MicroPython."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import hearing
from tools.house import CODE, DOMAIN, PASSWORD, SPEECH, House
from tools.interpreter import ROOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house


def test_the_demo_tells_its_whole_story(tmp_path):
    command = [sys.executable, "-m", "tools.demo", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["passed"] is True
    assert report["correlation_at_phone"] >= 0.98
    assert report["correlation_at_door"] >= 0.98
    assert report["frames_lost"] == report["frames_concealed"] == 0
    assert report["allocated_bytes_per_frame"] == 0
    assert report["heap_peak_bytes"] <= 176 * 1024
    for name in ("ladder.txt", "ladder.svg", "call.pcap", "phone.wav", "door.wav"):
        assert (tmp_path / name).stat().st_size > 1000


def test_a_phone_calls_the_door_and_both_hear_each_other(house, tmp_path):
    house.server("door", "201")
    recording = tmp_path / "phone.wav"
    phone = house.phone(
        *("201", "--codec", "PCMU", "--say", str(SPEECH / "resident.wav")),
        *("--record", str(recording)),
    )
    door = house.door()
    phone.send(f"call sip:door@{DOMAIN}")
    assert door.wait("answered")["encoding"] == "PCMU"
    phone.wait("answered")
    phone.send("dtmf " + CODE)
    assert door.wait("opened", 15)["relay"] == "door"
    assert door.wait("closed", 15)["relay"] == "door"
    visitor = hearing.read_wav(SPEECH / "visitor.wav")
    resident = hearing.read_wav(SPEECH / "resident.wav")
    # Both say their sentence twice over, so that one whole occurrence is heard.
    answered = phone.wait("audio", direction="heard")["start"]
    while True:
        door.send("status")
        if door.wait("status")["time"] - answered > 2.1 * max(visitor.size, resident.size) / 8000:
            break
    door.send("hangup")
    assert door.wait("ended")["cause"] == "hang-up"
    assert phone.wait("ended")["by"] == "remote"
    phone.wait("recorded")
    assert hearing.compare(visitor, hearing.read_wav(recording)).correlation >= 0.98
    door.stop()
    assert hearing.compare(resident, hearing.read_wav(tmp_path / "door.wav")).correlation >= 0.98


def test_a_server_that_went_away_and_came_back_has_the_door_registered_again(house):
    server = house.server("door")
    door = house.door({"sip": {"expires_seconds": 10}})
    server.stop()
    server = house.server("door")  # it kept nothing: its location database was in memory
    assert server.wait("registered", 15)["aor"] == f"door@{DOMAIN}"
    door.send("status")
    assert door.wait("status")["registered"] is True
    assert door.stop() == 0 and server.wait("unregistered")


def test_another_phone_rings_by_changing_the_configuration_only(house):
    house.server("door", "201", "202")
    first, second = house.phone("201"), house.phone("202")
    door = house.door({"buttons": {"front": {"ring": ["202"]}}})
    door.send("press front")
    assert "door" in second.wait("incoming")["from"]
    second.send("reject")
    assert door.wait("ended")["cause"] == "refused"
    assert not [event for event in first.events if event["event"] == "incoming"]


def test_two_phones_ring_and_the_one_that_is_not_answered_stops(house):
    house.server("door", "201", "202")
    first, second = house.phone("201"), house.phone("202")
    door = house.door({"buttons": {"front": {"ring": ["201", "202"]}}})
    door.send("press front")
    first.wait("incoming")
    second.wait("incoming")
    second.send("answer")
    assert door.wait("answered")["peer"] == f"sip:202@{DOMAIN}"
    first.wait("ended")
    second.wait("answered")
    second.send("hangup")
    ended = door.wait("ended")
    assert (ended["cause"], ended["status"]) == ("remote", 200)


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_a_second_press_takes_the_ringing_back(house, interpreter):
    house.server("door", "201")
    phone = house.phone("201")
    door = house.door(interpreter=interpreter)
    for _ in range(2):  # and the bell works again after it
        time.sleep(0.2)  # the finger has left the button
        door.send("press front 60")
        phone.wait("incoming")
        door.wait("ringing")
        time.sleep(0.2)
        door.send("press front 60")
        ended = door.wait("ended")
        assert (ended["cause"], ended["status"]) == ("button", 487)
        phone.wait("ended")


def test_a_wrong_password_is_one_clear_event(house):
    house.server("door")
    door = house.door({"sip": {"password": "wrong"}}, registered=False)
    failed = door.wait("registration_failed")
    assert failed["status"] == 401
    assert "refuses the user name door or its password" in failed["why"]
    assert failed["retry_seconds"] >= 150
    assert PASSWORD not in json.dumps(door.events)


def test_a_wrong_configuration_is_refused_with_key_value_and_remedy(house):
    door = house.door({"ring_seconds": "long"}, registered=False)
    why = door.wait("error")["why"]
    assert why == "ring_seconds is 'long': write a whole number from 3 to 180"
    assert door.stop() == 2
    assert why in door.stderr_tail()


def test_visit_after_visit_the_door_rings_is_answered_and_forgets_it(house):
    house.server("door", "201")
    phone = house.phone("201")
    door = house.door()
    used = []
    for visit in range(12):
        time.sleep(0.2)  # the finger has left the button
        door.send("press front 60")
        phone.wait("incoming")
        phone.send("answer")
        door.wait("answered")
        phone.wait("answered")
        (phone if visit % 2 else door).send("hangup")
        assert door.wait("ended")["cause"] == ("remote" if visit % 2 else "hang-up")
        phone.wait("ended")
        door.send("status")
        used.append(door.wait("status")["used_bytes"])
    assert not [event for event in door.events if event["event"] == "error"]
    assert max(used[6:]) <= max(used[:6])  # nothing stays
