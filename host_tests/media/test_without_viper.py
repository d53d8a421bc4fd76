"""The sample loops without their viper decorators, as the build leaves them where the interpreter
has no native emitter, against the same loops with them.
"""

from array import array

import pytest
from media import concealment, g711, jitter, rtp

DECORATORS = ("@micropython.viper", "@micropython.native")


def without_viper(name):
    """The names of firmware/media/`name`.py, read without the lines that are decorators."""
    with open("firmware/media/" + name + ".py") as file:
        lines = file.read().split("\n")
    kept = [line for line in lines if line.strip() not in DECORATORS]
    assert len(kept) < len(lines)
    names = {"__name__": name}
    exec("\n".join(kept), names)
    return names


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
@pytest.mark.parametrize("kind", ["h", "H"])
def test_g711(encoding, kind):
    codecs = (g711.G711(encoding), without_viper("g711")["G711"](encoding))
    mask = 0xFFFF if kind == "H" else -1
    for first in range(-32768, 32768, 160 * 7):
        samples = array(kind, [min(first + i * 7, 32767) & mask for i in range(160)])
        results = []
        for codec in codecs:
            codes = bytearray(4096)
            codec.encode(samples, codes, 5)
            decoded = array(kind, samples)
            codec.decode(codes, 5, decoded)
            results.append((codes, decoded))
        assert results[0] == results[1]


def test_numbering():
    numberings = (
        rtp.Numbering(0x87654321, 65530, 0xFFFFFE00),
        without_viper("rtp")["Numbering"](0x87654321, 65530, 0xFFFFFE00),
    )
    packets = [numbering.new_packet(0) for numbering in numberings]
    for i in range(200):
        for numbering, packet in zip(numberings, packets):
            numbering.elapsed += i * 37 % 11 * 160
            numbering.number(packet, i, i * 411 & 0x7FFF)
        assert packets[0] == packets[1]


def test_the_jitter_buffer():
    header = rtp.Source()
    buffers = (jitter.JitterBuffer(40), without_viper("jitter")["JitterBuffer"](40))
    packet = bytes(i * 7 & 0xFF for i in range(500))
    for i in range(100):
        results = []
        for buffer in buffers:
            if i % 7 != 3:
                header.timestamp = 0xFFF000 + i * 160 & 0xFFFFFF
                header.offset = i
                header.length = 160 + i % 3 * 50
                buffer.put(header, packet)
            if i % 10 == 5:
                buffer.excuse(0xFFF000 + i * 160 & 0xFFFFFF, 400)
            if i % 20 == 19:
                buffer.skip(40)
            buffer.take()
            results.append((buffer.missed, bytes(buffer.present), bytes(buffer.ring)))
        assert results[0] == results[1]


@pytest.mark.parametrize("kind", ["h", "H"])
def test_concealment(kind):
    fades = (concealment.Fade(), without_viper("concealment")["Fade"]())
    mask = 0xFFFF if kind == "H" else -1
    for i in range(60):
        present = bytes((i + block) * (i + 3) % 5 > 1 for block in range(20))
        results = []
        for fade in fades:
            samples = array(kind, [(i * 777 + k * 411) % 65536 - 32768 & mask for k in range(160)])
            fade.fill(samples, present)
            results.append(samples)
        assert results[0] == results[1]
