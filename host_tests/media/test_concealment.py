from array import array

import pytest
from media.concealment import Fade

WHOLE = bytes([1] * 20)
NOTHING = bytes(20)


def level(value):
    return array("h", [value] * 160)


def largest_step(samples):
    return max(abs(samples[i] - samples[i - 1]) for i in range(1, len(samples)))


def test_a_whole_frame_after_another_is_left_alone():
    fade = Fade()
    fade.fill(level(100), WHOLE)
    samples = array("h", range(-80, 80))
    fade.fill(samples, WHOLE)
    assert list(samples) == list(range(-80, 80))


def test_before_anything_was_played_there_is_silence():
    samples = level(1234)
    Fade().fill(samples, NOTHING)
    assert list(samples) == [0] * 160


@pytest.mark.parametrize("start", [32767, -32768, 8000, -8000, 1, -1])
def test_a_gap_fades_from_the_last_sample_to_zero_without_a_step(start):
    fade = Fade()
    fade.fill(level(start), WHOLE)
    samples = level(99)
    fade.fill(samples, NOTHING)
    heard = [start] + list(samples)
    assert heard[-1] == 0
    assert largest_step(heard) <= abs(start) // 16 + 1
    assert heard.index(0) < 160
    assert all(abs(heard[i]) <= abs(heard[i - 1]) for i in range(1, 161))
    fade.fill(samples, NOTHING)
    assert list(samples) == [0] * 160


def test_a_gap_in_the_middle_of_a_frame():
    samples = level(1000)
    Fade().fill(samples, bytes([1] * 5 + [0] * 10 + [1] * 5))
    assert list(samples[:40]) == [1000] * 40
    assert samples[40] == 937
    assert abs(samples[119]) < 20
    assert list(samples[120:]) == [1000] * 40
