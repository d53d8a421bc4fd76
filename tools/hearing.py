"""The ear: how well was heard what was said, and how late.

`compare` looks for one complete occurrence of a said recording inside a heard one. For every
offset k at which the said samples s fit wholly into the heard ones it takes Pearson's correlation

    r(k) = sum((s - mean(s)) * (h[k:k+n] - mean(h[k:k+n]))) / (n * std(s) * std(h[k:k+n]))

and keeps the k of the largest |r|: exact to a sample, since all offsets are tried (one FFT gives
every numerator, running sums give every denominator). So a file that is said again and again is
judged by its best complete occurrence, an inverted copy gives -1, and silence, noise or something
else gives nearly 0.

What lowers it is what an ear would miss: a hole takes away the energy that was in it (r =
sqrt(energy left / energy said)), and a slip moves everything behind it out of step. It is no
measure of pleasantness, and not blind to a filter or an echo canceller.

`Recording` is for who records a call: it makes a recording true in time from frames that came when
they came.
"""

import wave
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

RATE_HZ = 8000

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Hearing:
    """What `compare` found.

    correlation: -1 … 1 over the best complete occurrence; 0 when there is none.
    delay_samples: where in the heard recording the first said sample was found.
    gain_db: level of what was said in what was heard, relative to the original (least squares:
        added noise does not count); -inf when nothing was found.
    complete: False when the heard recording is shorter than the said one: nothing was compared.
    """

    correlation: float
    delay_samples: int
    gain_db: float
    complete: bool = True
    rate: int = RATE_HZ

    @property
    def delay_ms(self) -> float:
        return 1000.0 * self.delay_samples / self.rate


def compare(said: ArrayLike, heard: ArrayLike, rate: int = RATE_HZ) -> Hearing:
    """Find `said` in `heard` (samples of one rate in Hz, of any amplitude) and judge it."""
    s = np.asarray(said, dtype=np.float64)
    h = np.asarray(heard, dtype=np.float64)
    if s.ndim != 1 or h.ndim != 1:
        raise ValueError("said and heard must be mono: one dimension each")
    s = s - s.mean() if s.size else s
    h = h - h.mean() if h.size else h
    said_energy = float(s @ s)
    if said_energy <= 0.0:
        raise ValueError("nothing was said: the recording is empty or constant")
    if h.size < s.size:
        return Hearing(0.0, 0, float("-inf"), complete=False, rate=rate)
    products = _products(s, h)
    energies = _energies(h, s.size)
    # An exactly silent stretch has an energy of 0 but for rounding: no division to make there.
    audible = energies > 1e-9 * max(float(energies.max()), 1e-30)
    correlations = np.zeros_like(products)
    np.divide(products, np.sqrt(said_energy * energies), out=correlations, where=audible)
    best = int(np.argmax(np.abs(correlations)))
    correlation = float(np.clip(correlations[best], -1.0, 1.0))
    if correlation == 0.0:
        return Hearing(0.0, 0, float("-inf"), rate=rate)
    gain = abs(float(products[best])) / said_energy
    return Hearing(correlation, best, 20.0 * float(np.log10(gain)), rate=rate)


def mouth_to_ear_ms(
    hearing: Hearing, said_start: float, heard_start: float, said_samples: int
) -> float:
    """Time from the mouth to the ear, in ms.

    said_start and heard_start are the times (seconds of one clock) of the first said and the first
    recorded sample. The said recording of `said_samples` may have been repeated without a pause:
    then any occurrence may have been found, and the answer is the one from -250 ms on that is less
    than one repetition.
    """
    period = 1000.0 * said_samples / hearing.rate
    late = 1000.0 * (heard_start - said_start) + hearing.delay_ms
    return (late + 250.0) % period - 250.0


@dataclass(frozen=True)
class LaidOut:
    """A recording that is true in time: sample n was heard at start + n / rate.

    start: time of the first sample, in the seconds of whoever noted the arrivals.
    gap_ms: silence that was put in where nothing came. late_ms: how late the latest frame was.
    """

    start: float
    samples: NDArray[np.int16]
    gap_ms: float
    late_ms: float


class Recording:
    """Frames with the moment of their arrival, to be laid out in time when all have come.

    A frame that comes late may follow a lost one, or a pause of a busy machine. What comes next
    tells: after a pause the next frames are on time again; after a loss all are late by the same
    number of frames. So the earliest of the frames within the next second decides.
    """

    def __init__(self, frame_samples: int, rate: int = RATE_HZ, stall_s: float = 1.0) -> None:
        self._frame_samples = frame_samples
        self._rate = rate
        self._stall_s = stall_s
        self._arrivals: list[tuple[float, NDArray[np.int16]]] = []

    def add(self, arrived: float, pcm: bytes) -> None:
        """Frames (16 bits, little end first) that were there at `arrived`, in seconds."""
        self._arrivals.append((arrived, np.frombuffer(pcm, dtype="<i2").astype(np.int16)))

    def lay_out(self) -> LaidOut | None:
        """None when nothing came."""
        if not self._arrivals:
            return None
        frame_s = self._frame_samples / self._rate
        # When the recording would have begun by each arrival, had there been no gap before it. Of
        # several frames that were there at once only the last can have come just then.
        begins = []
        count = 0
        for arrived, samples in self._arrivals:
            count += samples.size
            begins.append(arrived - (count - self._frame_samples) / self._rate)
        earliest = self._earliest(begins)
        begin_now = earliest[0]
        parts: list[NDArray[np.int16]] = []
        gap_samples = 0
        late_s = 0.0
        for (_, samples), begin, early in zip(self._arrivals, begins, earliest, strict=True):
            begin_now = min(begin_now, early)
            # A busy machine makes everything some ms late for seconds: no gap before 3/4 of a frame.
            missing = int((early - begin_now) / frame_s + 0.25)
            if missing > 0:
                parts.append(np.zeros(missing * self._frame_samples, dtype=np.int16))
                gap_samples += missing * self._frame_samples
                begin_now += missing * frame_s
            late_s = max(late_s, begin - begin_now)
            parts.append(samples)
        gap_ms = 1000.0 * gap_samples / self._rate
        return LaidOut(earliest[0], np.concatenate(parts), gap_ms, 1000.0 * late_s)

    def _earliest(self, begins: list[float]) -> list[float]:
        """For each arrival the smallest of `begins` from it to a second later."""
        result = list(begins)
        window: deque[int] = deque()  # The smallest first, each next one earlier and larger.
        for i in range(len(begins) - 1, -1, -1):
            while window and begins[window[-1]] >= begins[i]:
                window.pop()
            window.append(i)
            while self._arrivals[window[0]][0] > self._arrivals[i][0] + self._stall_s:
                window.popleft()
            result[i] = begins[window[0]]
        return result


def read_wav(path: str | Path, rate: int = RATE_HZ) -> NDArray[np.int16]:
    """The samples of a mono 16-bit WAV file. ValueError names the file when it is another kind."""
    with wave.open(str(path), "rb") as file:
        form = (file.getnchannels(), file.getsampwidth() * 8, file.getframerate())
        if form != (1, 16, rate):
            raise ValueError(
                f"{path}: {form[0]} channel(s), {form[1]} bits, {form[2]} Hz; "
                f"needed is mono, 16 bits, {rate} Hz"
            )
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)


def write_wav(path: str | Path, samples: ArrayLike, rate: int = RATE_HZ) -> None:
    """Write samples (rounded and clipped to 16 bits) as a mono WAV file."""
    clipped = np.clip(np.rint(np.asarray(samples, dtype=np.float64)), -32768, 32767)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(clipped.astype("<i2").tobytes())


def _products(s: Samples, h: Samples) -> Samples:
    """sum(s * h[k:k+n]) for every k at which s lies wholly inside h."""
    size = 1 << (s.size + h.size - 1).bit_length()
    spectrum = np.fft.rfft(h, size) * np.conj(np.fft.rfft(s, size))
    return np.fft.irfft(spectrum, size)[: h.size - s.size + 1]


def _energies(h: Samples, window: int) -> Samples:
    """Energy of h[k:k+window] about its own mean, for every k."""
    sums = np.concatenate(([0.0], np.cumsum(h)))
    squares = np.concatenate(([0.0], np.cumsum(h * h)))
    total = sums[window:] - sums[:-window]
    energies: Samples = squares[window:] - squares[:-window] - total * total / window
    return energies
