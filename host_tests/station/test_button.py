"""Samples of a contact, 20 ms apart: "x" closed, "." open. A press is counted where it is recognised."""

import pytest
from station.button import Button


def presses(samples):
    """The places at which `samples` make a press; the contact was open before."""
    button = Button()
    for _ in range(2):
        assert not button.sample(False)
    return [place for place, sample in enumerate(samples) if button.sample(sample == "x")]


@pytest.mark.parametrize(
    "samples, expected",
    [
        ("....", []),
        ("xx..", [1]),
        ("x...", []),  # under 20 ms: a spike on the cable
        (".x.x.x.", []),
        ("x.xx..", [3]),  # it bounces when it closes
        ("xx.x.x..", [1]),  # and when it opens
        ("xx.xx.xx", [1]),
        ("x" * 100, [1]),  # a thumb that stays
        ("xx..xx..xx", [1, 5, 9]),
        ("xx.x..xx", [1, 7]),
    ],
)
def test_a_press_is_two_closed_samples_after_two_open_ones(samples, expected):
    assert presses(samples) == expected


def test_a_contact_that_is_closed_from_the_start_is_no_press_until_it_was_open():
    button = Button()
    assert [button.sample(True) for _ in range(50)] == [False] * 50
    assert [button.sample(closed) for closed in (False, False, True, True)] == [False] * 3 + [True]


def test_a_contact_that_is_open_from_the_start_can_be_pressed_after_one_sample():
    button = Button()
    assert [button.sample(closed) for closed in (False, True, True)] == [False, False, True]
