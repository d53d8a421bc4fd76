"""The ear must hear what was said, and must not be fooled."""

import numpy as np
import pytest

from tools.hearing import Hearing, Recording, compare, mouth_to_ear_ms, read_wav, write_wav

VISITOR = read_wav("tools/speech/visitor.wav").astype(float)
RESIDENT = read_wav("tools/speech/resident.wav").astype(float)
FRAME = 160


def noise(count, level, seed=1):
    return np.random.default_rng(seed).normal(0.0, level, count)


def surrounded(samples, before, after=3000):
    """The samples with a little noise before and after them."""
    return np.concatenate((noise(before, 10.0), samples, noise(after, 10.0, seed=2)))


def mu_law(x):
    """Through G.711's logarithm and 8 bits and back, by its formula."""
    y = np.sign(x) * np.log1p(255.0 * np.abs(x) / 32768.0) / np.log(256.0)
    code = np.round(y * 127.0) / 127.0
    return np.sign(code) * (256.0 ** np.abs(code) - 1.0) / 255.0 * 32768.0


def a_law(x):
    a = np.abs(x) / 32768.0 * 87.6
    y = np.where(a < 1.0, a, 1.0 + np.log(np.maximum(a, 1.0))) / (1.0 + np.log(87.6))
    y = (np.floor(y * 128.0) + 0.5) / 128.0 * (1.0 + np.log(87.6))
    return np.sign(x) * np.where(y < 1.0, y, np.exp(y - 1.0)) / 87.6 * 32768.0


@pytest.mark.parametrize("before", [0, 1, 159, 4321])
@pytest.mark.parametrize("gain", [1.0, 0.1, 3.0])
def test_a_copy_is_found_to_the_sample_at_its_level(before, gain):
    heard = compare(VISITOR, surrounded(VISITOR * gain, before))
    assert heard.correlation > 0.9999
    assert heard.delay_samples == before
    assert heard.delay_ms == before / 8
    assert heard.gain_db == pytest.approx(20 * np.log10(gain), abs=0.05)


def test_an_inverted_copy_is_found_and_shows_its_sign():
    heard = compare(VISITOR, surrounded(-VISITOR, 500))
    assert heard.correlation < -0.9999
    assert heard.delay_samples == 500


@pytest.mark.parametrize("law", [mu_law, a_law])
def test_g711_is_nearly_transparent(law):
    coded = law(VISITOR)
    assert not np.array_equal(coded, VISITOR)
    heard = compare(VISITOR, surrounded(coded, 777))
    assert 0.99 <= heard.correlation < 1.0
    assert heard.delay_samples == 777
    assert abs(heard.gain_db) < 0.1


def test_silence_is_not_a_voice():
    assert compare(VISITOR, np.zeros(50000)) == Hearing(0.0, 0, float("-inf"))
    assert abs(compare(VISITOR, np.full(50000, 123)).correlation) < 0.001


def test_noise_is_not_a_voice():
    assert abs(compare(VISITOR, noise(160000, 3000.0)).correlation) < 0.05


def test_the_other_voice_is_not_the_voice():
    assert abs(compare(VISITOR, np.tile(RESIDENT, 3)).correlation) < 0.2


def test_a_voice_is_found_beside_much_noise_for_what_it_is_worth():
    """As loud as the voice: half of the energy is noise, so r is the root of a half."""
    level = VISITOR.std()
    heard = compare(VISITOR, surrounded(VISITOR, 2000) + noise(VISITOR.size + 5000, level, 3))
    assert heard.correlation == pytest.approx(0.5**0.5, abs=0.02)
    assert heard.delay_samples == 2000
    assert abs(heard.gain_db) < 0.3


@pytest.mark.parametrize("at", [4000, 12000, 20000])
def test_a_hole_takes_the_energy_that_was_in_it(at):
    holed = VISITOR.copy()
    holed[at : at + FRAME] = 0.0
    left = 1.0 - np.sum(VISITOR[at : at + FRAME] ** 2) / np.sum(VISITOR**2)
    heard = compare(VISITOR, surrounded(holed, 100))
    assert heard.correlation == pytest.approx(left**0.5, abs=0.0005)


def test_every_lost_frame_is_heard():
    frames = np.random.default_rng(4).permutation(VISITOR.size // FRAME)
    worse = []
    for lost in (0, 2, 5, 10, 20, 40, 80):
        holed = VISITOR.copy()
        for frame in frames[:lost]:
            holed[frame * FRAME : (frame + 1) * FRAME] = 0.0
        worse.append(compare(VISITOR, surrounded(holed, 100)).correlation)
    assert worse == sorted(worse, reverse=True)
    assert len(set(worse)) == len(worse)
    assert worse[0] > 0.9999
    assert worse[-1] < 0.85


def test_a_slip_of_one_frame_is_heard():
    slipped = np.delete(VISITOR, np.s_[13000 : 13000 + FRAME])
    assert compare(VISITOR, surrounded(slipped, 100)).correlation < 0.9


def test_a_constant_voltage_is_not_heard():
    assert compare(VISITOR, surrounded(VISITOR, 100) + 2000.0).correlation > 0.9999


def test_the_best_of_several_occurrences_is_taken():
    holed = VISITOR.copy()
    holed[8000:12000] = 0.0
    heard = compare(VISITOR, np.concatenate((holed, VISITOR, holed)))
    assert heard.correlation > 0.9999
    assert heard.delay_samples == VISITOR.size


def test_what_was_cut_off_is_no_complete_occurrence():
    heard = compare(VISITOR, VISITOR[: VISITOR.size // 2])
    assert heard == Hearing(0.0, 0, float("-inf"), complete=False)
    twice_cut = np.concatenate((VISITOR[4000:], VISITOR[:-4000]))
    assert abs(compare(VISITOR, twice_cut).correlation) < 0.9


def test_where_nothing_was_said_there_is_nothing_to_hear():
    for said in ([], [0] * 100, [7] * 100):
        with pytest.raises(ValueError):
            compare(said, VISITOR)


@pytest.mark.parametrize("delay_ms", [-3.0, 0.0, 24.0, 400.0])
@pytest.mark.parametrize("repetitions", [0, 1, 2])
def test_mouth_to_ear_is_the_same_for_every_repetition(delay_ms, repetitions):
    """Said from 100.0 on, the ear opens 0.5 s later."""
    period_ms = VISITOR.size / 8
    offset_ms = repetitions * period_ms + delay_ms - 500.0 + period_ms
    hearing = Hearing(1.0, round(offset_ms * 8), 0.0)
    assert mouth_to_ear_ms(hearing, 100.0, 100.5, VISITOR.size) == pytest.approx(delay_ms, abs=0.1)


def test_wav_files_keep_their_samples(tmp_path):
    write_wav(tmp_path / "a.wav", [0, 1, -1, 32767, -32768, 40000, -40000, 2.6])
    assert read_wav(tmp_path / "a.wav").tolist() == [0, 1, -1, 32767, -32768, 32767, -32768, 3]


def test_a_wav_file_of_another_rate_is_refused_by_name(tmp_path):
    write_wav(tmp_path / "fast.wav", [0], rate=16000)
    with pytest.raises(ValueError, match=r"fast\.wav.*16000 Hz"):
        read_wav(tmp_path / "fast.wav")


# Recording


def recorded(arrivals, late=None):
    """Frames 1, 2, 3 … (each full of its number) that arrive at these multiples of 20 ms."""
    recording = Recording(FRAME)
    for number, (slot, late_ms) in enumerate(zip(arrivals, late or [0] * 999, strict=False), 1):
        recording.add(50.0 + 0.02 * slot + late_ms / 1000, number.to_bytes(2, "little") * FRAME)
    laid_out = recording.lay_out()
    assert laid_out.samples.size % FRAME == 0
    return laid_out, laid_out.samples[::FRAME].tolist()


def test_frames_on_time_stand_one_after_the_other():
    laid_out, frames = recorded(range(100), [n % 5 for n in range(100)])
    assert frames == list(range(1, 101))
    assert (laid_out.start, laid_out.gap_ms) == (50.0, 0)
    assert laid_out.late_ms == pytest.approx(4.0)


def test_a_lost_frame_leaves_its_place_empty():
    laid_out, frames = recorded([0, 1, 2, 4, 5, 6, 7, 8], [1, 0, 2, 3, 0, 1, 2, 0])
    assert frames == [1, 2, 3, 0, 4, 5, 6, 7, 8]
    assert laid_out.gap_ms == 20


def test_a_pause_of_the_speaker_is_a_pause():
    laid_out, frames = recorded([0, 1, 2, 52, 53, 54])
    assert frames == [1, 2, 3] + [0] * 49 + [4, 5, 6]
    assert laid_out.gap_ms == 980


def test_a_pause_of_a_busy_machine_is_none():
    """Frames 11 to 15 all come when the 15th is due."""
    late = [0] * 10 + [80, 60, 40, 20, 0] + [0] * 30
    laid_out, frames = recorded(range(45), late)
    assert frames == list(range(1, 46))
    assert laid_out.late_ms == pytest.approx(80)


def test_a_machine_that_becomes_slow_makes_no_gap():
    """From the 51st on every frame is 12 to 14 ms late."""
    laid_out, frames = recorded(range(200), [0] * 50 + [12, 13, 14] * 50)
    assert frames == list(range(1, 201))
    assert laid_out.gap_ms == 0


def test_a_loss_after_a_slow_start_is_a_loss():
    """The first 1.2 s are 8 ms late, then all is on time, then a frame is missing."""
    slots = [n for n in range(160) if n != 120]
    laid_out, frames = recorded(slots, [8] * 60 + [0] * 99)
    assert frames == list(range(1, 121)) + [0] + list(range(121, 160))
    assert laid_out.gap_ms == 20


def test_a_late_first_frame_does_not_shift_the_call():
    laid_out, frames = recorded(range(45), [35, 15] + [0] * 43)
    assert frames == list(range(1, 46))
    assert laid_out.start == pytest.approx(50.0)


def test_frames_read_at_once_are_counted_as_many():
    recording = Recording(FRAME)
    recording.add(50.02, b"\1\0" * FRAME * 2)
    recording.add(50.04, b"\2\0" * FRAME)
    recording.add(50.12, b"\3\0" * FRAME * 2)
    recording.add(50.14, b"\4\0" * FRAME)
    laid_out = recording.lay_out()
    assert laid_out.samples[::FRAME].tolist() == [1, 1, 2, 0, 0, 3, 3, 4]
    assert laid_out.start == pytest.approx(50.0)


def test_where_nothing_came_there_is_no_recording():
    assert Recording(FRAME).lay_out() is None
