"""Digits at a keypad, and what they open. Time is in ms."""

import pytest
from sip.timers import Timers
from station.codes import Codes

DOOR = {"1234": "door", "99": "gate"}


class Keypad:
    def __init__(self, codes=DOOR):
        self.timers = Timers()
        self.codes = Codes(codes, self.timers)

    def wait(self, ms):
        self.timers.advance(self.timers.now + ms)

    def type(self, digits, pace_ms=200):
        """What came of each digit that came to something: a relay, or "" for a wrong entry."""
        out = []
        for digit in digits:
            self.wait(pace_ms)
            found = self.codes.enter(digit)
            if found is not None:
                out.append(found)
        return out


@pytest.mark.parametrize(
    "digits, expected",
    [
        ("1234", ["door"]),
        ("99", ["gate"]),
        ("123499", ["door", "gate"]),
        ("1234#", ["door"]),  # the # of a habit does no harm
        ("#", []),
        ("##1234", ["door"]),
        ("12", []),
        ("12#", [""]),
        ("12#1234", ["", "door"]),
        ("4321", [""]),
        ("43211234", ["", "door"]),
        ("9", []),
        ("91234", [""]),  # as many digits as the longest code has, and the 4 begins a new entry
        ("A234", [""]),
        ("*234", [""]),
        ("12345", ["door"]),
    ],
)
def test_what_digits_open(digits, expected):
    assert Keypad().type(digits) == expected


def test_a_code_may_hold_a_star():
    assert Keypad({"*1": "door"}).type("*1") == ["door"]


def test_a_pause_of_five_seconds_drops_what_was_begun():
    keypad = Keypad()
    assert keypad.type("98") == []
    keypad.wait(5000)
    assert keypad.type("1234") == ["door"]


def test_a_slow_finger_is_no_pause():
    assert Keypad().type("1234", 4900) == ["door"]


def test_the_pause_is_counted_from_the_last_digit():
    keypad = Keypad()
    keypad.type("1", 4000)
    keypad.type("2", 4000)
    keypad.type("3", 4000)
    assert keypad.type("4", 4000) == ["door"]


def test_what_was_begun_in_one_call_is_forgotten_in_the_next():
    keypad = Keypad()
    keypad.type("12")
    keypad.codes.forget()
    assert keypad.type("34") == []
    # Nor does the pause that began then drop what is typed now.
    assert keypad.type("12", 4000) == [""]


def test_three_wrong_codes_lock_even_the_right_one_out_for_a_minute():
    keypad = Keypad()
    assert keypad.type("111122223333") == ["", "", ""]
    assert keypad.codes.is_locked
    assert keypad.type("123499", 1000) == ["", ""]
    keypad.wait(60000 - 6000 - 1)
    assert keypad.codes.is_locked
    keypad.wait(1)
    assert not keypad.codes.is_locked
    assert keypad.type("1234") == ["door"]


def test_a_right_code_before_the_third_wrong_one_starts_the_count_anew():
    keypad = Keypad()
    assert keypad.type("11112222123433334444") == ["", "", "door", "", ""]
    assert not keypad.codes.is_locked
    assert keypad.type("5555") == [""]
    assert keypad.codes.is_locked


def test_wrong_codes_are_counted_over_the_ends_of_calls():
    keypad = Keypad()
    for _ in range(3):
        keypad.type("1111")
        keypad.codes.forget()
    assert keypad.codes.is_locked


def test_guessing_in_a_lockout_does_not_lengthen_it():
    keypad = Keypad()
    keypad.type("111122223333")
    keypad.type("4444" * 10, 1000)
    keypad.wait(20000)
    assert keypad.type("1234") == ["door"]


def test_after_a_lockout_three_more_wrong_codes_lock_again():
    keypad = Keypad()
    keypad.type("111122223333")
    keypad.wait(60000)
    assert keypad.type("11112222") == ["", ""] and not keypad.codes.is_locked
    assert keypad.type("3333") == [""] and keypad.codes.is_locked


def test_a_door_without_codes_hears_digits_and_refuses_none():
    keypad = Keypad({})
    assert keypad.type("1234#99*#") == []
    assert not keypad.codes.is_locked


def test_nothing_is_left_running():
    keypad = Keypad()
    keypad.type("1111222233331")
    keypad.wait(60000)
    assert len(keypad.timers) == 0
