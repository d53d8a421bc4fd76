"""The virtual microphone and speaker, with a clock that the test moves."""

import wave
from array import array

import pytest
from hal.desktop import audio

SILENCE = [0] * 160


class Clock:
    def __init__(self, monkeypatch):
        self.us = 123456789
        monkeypatch.setattr(audio, "ticks_us", lambda: self.us)

    def move(self, ms):
        self.us += round(1000 * ms)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def frame(value=0):
    return array("h", [value] * 160)


def recorded(path):
    """The frames that a WAV file holds: a list of 160 samples each."""
    with wave.open(str(path)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        assert form == (1, 2, 8000)
        data = file.readframes(file.getnframes())
        assert len(data) == 2 * file.getnframes()
    samples = array("h", data)
    assert len(samples) % 160 == 0
    return [list(samples[i : i + 160]) for i in range(0, len(samples), 160)]


def write_wav(path, samples, channels=1, rate=8000, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(array("h", samples).tobytes())
    return str(path)


# The microphone


def test_a_frame_is_complete_when_its_20_ms_are_over(clock):
    microphone = audio.Audio({})
    microphone.start()
    buffer = frame(7)
    assert microphone.read(buffer) == 0 and microphone.wait_ms() == 20
    clock.move(19.9)
    assert microphone.read(buffer) == 0 and microphone.wait_ms() == 1
    clock.move(0.1)
    assert microphone.wait_ms() == 0
    assert microphone.read(buffer) == 1
    assert list(buffer) == SILENCE
    assert microphone.read(buffer) == 0 and microphone.wait_ms() == 20


def test_frames_come_at_the_clocks_pace_however_it_is_asked(clock):
    microphone = audio.Audio({})
    microphone.start()
    buffer, taken = frame(), 0
    for step in range(1000):
        clock.move(3 + step % 40)
        while microphone.read(buffer):
            taken += 1
    clock_ms = sum(3 + step % 40 for step in range(1000))
    assert taken == clock_ms // 20
    assert microphone.frames_lost == 0


def test_four_frames_wait_for_a_late_reader_and_older_ones_are_lost_and_counted(clock):
    microphone = audio.Audio({})
    microphone.start()
    clock.move(20 * 7 + 5)
    buffer = frame()
    assert [microphone.read(buffer) for _ in range(8)] == [-1] * 3 + [1] * 4 + [0]
    assert microphone.frames_lost == 3
    clock.move(20)
    assert microphone.read(buffer) == 1


def test_the_file_is_played_in_true_time_over_lost_frames_and_again_from_its_start(clock, tmp_path):
    # Frame n holds n; the last one is half a frame.
    samples = [n for n in range(1, 7) for _ in range(160)] + [7] * 80
    microphone = audio.Audio({"microphone": write_wav(tmp_path / "in.wav", samples)})
    microphone.start()
    clock.move(20 * 6)
    heard, buffer = [], frame()
    for _ in range(9):
        while microphone.read(buffer):
            heard.append((buffer[0], buffer[159]))
        clock.move(20)
    assert microphone.frames_lost == 2  # they are skipped, not played later
    assert heard == [(n, n) for n in range(1, 7)] + [(7, 0)] + [(n, n) for n in range(1, 7)] + [
        (7, 0)
    ]


def test_a_call_hears_the_file_from_its_start(clock, tmp_path):
    samples = [n for n in range(1, 100) for _ in range(160)]
    microphone = audio.Audio({"microphone": write_wav(tmp_path / "in.wav", samples)})
    buffer = frame()
    for _ in range(2):
        microphone.start()
        for n in (1, 2, 3):
            clock.move(20)
            assert microphone.read(buffer) == 1
            assert buffer[0] == n
        microphone.stop()
        clock.move(1000)


def test_the_tone_is_1_khz_without_a_seam(clock):
    microphone = audio.Audio({"microphone": "tone"})
    microphone.start()
    clock.move(40)
    first, second = frame(), frame()
    assert (microphone.read(first), microphone.read(second)) == (1, 1)
    assert first == second and max(first) == 8000 and min(first) == -8000
    assert list(first[:8]) * 20 == list(first)


# The speaker


def talk(speaker, clock, values):
    """One frame each 20 ms."""
    for value in values:
        clock.move(20)
        speaker.write(frame(value))


def test_what_is_written_in_time_is_heard_one_frame_later(clock, tmp_path):
    speaker = audio.Audio({"speaker": str(tmp_path / "out.wav")})
    speaker.start()
    talk(speaker, clock, [1, 2, 3])
    speaker.stop()
    assert [heard[0] for heard in recorded(tmp_path / "out.wav")] == [0, 1, 2, 3]
    assert speaker.underruns == 0


def test_what_is_not_written_in_time_is_silence_and_counted(clock, tmp_path):
    speaker = audio.Audio({"speaker": str(tmp_path / "out.wav")})
    speaker.start()
    talk(speaker, clock, [1, 2])
    clock.move(60)  # three frames of the writer are missing
    talk(speaker, clock, [6, 7])
    speaker.stop()
    assert [heard[0] for heard in recorded(tmp_path / "out.wav")] == [0, 1, 2, 0, 0, 0, 6, 7]
    assert speaker.underruns == 3


def test_a_frame_that_is_a_little_late_is_no_underrun(clock, tmp_path):
    speaker = audio.Audio({"speaker": str(tmp_path / "out.wav")})
    speaker.start()
    clock.move(39)
    speaker.write(frame(1))
    clock.move(20)
    speaker.write(frame(2))
    assert speaker.underruns == 0


def test_the_file_keeps_true_time_over_the_pause_between_two_calls(clock, tmp_path):
    speaker = audio.Audio({"speaker": str(tmp_path / "out.wav")})
    speaker.start()
    talk(speaker, clock, [1, 2])
    speaker.stop()
    clock.move(1000)
    speaker.start()
    talk(speaker, clock, [3])
    speaker.stop()
    heard = [values[0] for values in recorded(tmp_path / "out.wav")]
    assert heard == [0, 1, 2] + [0] * 50 + [3]
    assert speaker.underruns == 0  # nobody talked


def test_the_file_is_a_wav_file_before_and_after_every_call(clock, tmp_path):
    speaker = audio.Audio({"speaker": str(tmp_path / "out.wav")})
    speaker.start()
    for count in (2, 3):
        talk(speaker, clock, [9])
        speaker.stop()
        assert len(recorded(tmp_path / "out.wav")) == count
    speaker.stop()
    assert len(recorded(tmp_path / "out.wav")) == 3


def test_a_speaker_without_a_file_counts_all_the_same(clock):
    speaker = audio.Audio({})
    speaker.start()
    clock.move(100)
    speaker.write(frame())
    assert speaker.underruns == 4
    speaker.stop()


# Files that are not what they should be


@pytest.mark.parametrize(
    "form, why",
    [
        ({"channels": 2}, "is not a plain mono WAV file"),
        ({"rate": 16000}, "is not 16 bit at 8000 Hz"),
        ({"width": 1}, "is not 16 bit at 8000 Hz"),
    ],
)
def test_a_wav_file_of_another_form_is_refused_by_name(tmp_path, form, why):
    path = write_wav(tmp_path / "in.wav", [0] * 320, **form)
    with pytest.raises(ValueError) as raised:
        audio.Audio({"microphone": path})
    assert str(raised.value) == f"{path} {why}"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\0" * 100, b"OggS" + b"\0" * 100])
def test_a_file_that_is_no_wav_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "in.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError) as raised:
        audio.Audio({"microphone": str(path)})
    assert str(raised.value) == f"{path} is not a plain mono WAV file"


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        audio.Audio({"microphone": str(tmp_path / "in.wav")})


def test_a_file_without_a_sample_is_silence(clock, tmp_path):
    microphone = audio.Audio({"microphone": write_wav(tmp_path / "in.wav", [])})
    microphone.start()
    clock.move(40)
    buffer = frame(5)
    assert microphone.read(buffer) == 1 and list(buffer) == SILENCE
    assert microphone.read(buffer) == 1 and list(buffer) == SILENCE
