"""A microphone that plays a WAV file and a speaker that writes one, both paced by a sample clock as DMA would be.

The clock is the machine's; nothing waits for a late reader. Behind the microphone stand
`_RING` frames: what was not read by then is lost. The speaker starts one frame ahead: what is
not written in time is heard as silence. Both are counted, and both files keep true time.
"""

import struct
from array import array

from .interpreter import ticks_diff, ticks_us

_RATE = 8000
_FRAME = 160  # samples in 20 ms
_FRAME_US = 20000
_RING = 4
_HEADER_BYTES = 44
_SINE = (0, 71, 100, 71, 0, -71, -100, -71)  # one period of 1 kHz at 8 kHz, in percent


class Audio:
    """settings: {"microphone": "silence" | "tone" | WAV path, "speaker": WAV path or ""}.

    The WAV file of the microphone is 16-bit mono 8 kHz; it is played again and again.
    """

    def __init__(self, settings):
        self.frames_lost = 0  # the microphone's
        self.underruns = 0  # the speaker's
        self._silence = array("h", bytes(2 * _FRAME))
        self._source = self._tone = self._file = None
        microphone = settings.get("microphone", "silence")
        if microphone == "tone":
            self._tone = array("h", [percent * 80 for percent in _SINE] * (_FRAME // 8))
        elif microphone != "silence":
            self._source = open(microphone, "rb")  # noqa: SIM115 - open as long as the door
            check_wav(self._source, microphone)
        if settings.get("speaker"):
            self._file = open(settings["speaker"], "wb")  # noqa: SIM115
            self._file.write(wav_header(0))
        self._started = None
        self._begun = None  # when the first frame of the speaker's file was heard
        self._read = 0  # frames read since the start
        self._written = 0  # frames in the speaker's file

    def start(self):
        """Open microphone and speaker: frame 0 is being spoken now. The counters begin anew."""
        self.frames_lost = self.underruns = 0
        self._started = ticks_us()
        self._read = 0
        if self._source:
            self._source.seek(_HEADER_BYTES)
        if self._begun is None:
            self._begun = self._started
        while (
            self._written <= self._playing()
        ):  # the pause since the last call, and one frame ahead
            self._put(self._silence)

    def stop(self):
        if self._file:
            # A header that says how long the file is, whenever the process may end.
            data_bytes = self._written * _FRAME * 2
            self._file.seek(0)
            self._file.write(wav_header(data_bytes))
            self._file.seek(_HEADER_BYTES + data_bytes)
            self._file.flush()

    def wait_ms(self):
        """ms until the microphone's next frame is complete."""
        return (
            max(0, (self._read + 1) * _FRAME_US - ticks_diff(ticks_us(), self._started) + 999)
            // 1000
        )

    def read(self, frame):
        """Take one 20 ms frame: 1 when `frame` holds it, -1 when it was lost, 0 when none is complete."""
        complete = ticks_diff(ticks_us(), self._started) // _FRAME_US
        if self._read >= complete:
            return 0
        is_lost = complete - self._read > _RING
        self._read += 1
        self._next(frame)
        if is_lost:
            self.frames_lost += 1
            return -1
        return 1

    def _next(self, frame):
        if self._source:
            got = self._source.readinto(frame) // 2
            if got < _FRAME:
                for i in range(got, _FRAME):
                    frame[i] = 0
                self._source.seek(_HEADER_BYTES)
        else:
            filling = self._tone or self._silence
            for i in range(_FRAME):
                frame[i] = filling[i]

    def write(self, frame):
        """Give the speaker its next 20 ms."""
        while self._written < self._playing():
            self.underruns += 1
            self._put(self._silence)
        self._put(frame)

    def _playing(self):
        """The frame of the speaker's file that is being heard now."""
        return ticks_diff(ticks_us(), self._begun) // _FRAME_US

    def _put(self, frame):
        self._written += 1
        if self._file:
            self._file.write(frame)


def wav_header(data_bytes):
    """The 44 bytes before 16-bit mono PCM at 8 kHz."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", data_bytes + 36, b"WAVE", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16),
        *(b"data", data_bytes),
    )


def check_wav(file, name):
    """Leave `file` at the first sample, or raise ValueError: only the plain 44-byte header is taken."""
    head = file.read(_HEADER_BYTES)
    if head[:4] != b"RIFF" or head[8:24] != wav_header(0)[8:24] or head[36:40] != b"data":
        raise ValueError("%s is not a plain mono WAV file" % name)
    if head[24:36] != wav_header(0)[24:36]:
        raise ValueError("%s is not 16 bit at 8000 Hz" % name)
