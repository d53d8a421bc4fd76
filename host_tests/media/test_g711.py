from array import array

import pytest
from media.g711 import G711

DATA = "host_tests/data/media/"
FRAME = 160
RING = 4096


def linear_values(encoding):
    column = 1 if encoding == "PCMA" else 2
    with open(DATA + "decode_tables.tsv") as table:
        rows = [line.split() for line in table][1:]
    assert [int(row[0]) for row in rows] == list(range(256))
    return [int(row[column]) for row in rows]


def encode(codec, samples):
    """The codes of any number of samples up to a frame."""
    codes = bytearray(FRAME)
    codec.encode(array("h", list(samples) + [0] * (FRAME - len(samples))), codes, 0)
    return codes[: len(samples)]


def decode(codec, codes):
    """The samples of 256 codes."""
    frame = array("h", bytes(2 * FRAME))
    decoded = []
    for position in (0, 96):
        codec.decode(codes + bytes(RING - 256), position, frame)
        decoded = decoded[:position] + list(frame)
    return decoded


@pytest.mark.parametrize(
    "encoding,name",
    [("PCMA", "encode_alaw_all_65536.bin"), ("PCMU", "encode_ulaw_all_65536.bin")],
)
def test_every_sample_is_encoded_as_g191_does(encoding, name):
    codec = G711(encoding)
    with open(DATA + name, "rb") as expected:
        for first in range(-32768, 32768, 128):
            assert encode(codec, range(first, first + 128)) == expected.read(128), first
        assert expected.read() == b""


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_every_code_is_decoded_as_g191_does(encoding):
    assert decode(G711(encoding), bytes(range(256))) == linear_values(encoding)


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_a_decoded_code_is_encoded_to_itself(encoding):
    codec = G711(encoding)
    samples = decode(codec, bytes(range(256)))
    codes = encode(codec, samples[:128]) + encode(codec, samples[128:])
    # mu-law has two zeros, and encodes both to the positive one.
    differing = [code for code in range(256) if codes[code] != code]
    assert differing == ([] if encoding == "PCMA" else [0x7F])
    assert encoding == "PCMA" or codes[0x7F] == 0xFF


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_a_frame_is_written_and_nothing_else(encoding):
    codec = G711(encoding)
    codes = bytearray(b"\x11" * 200)
    codec.encode(array("h", [1000] * 200), codes, 20)
    assert codes[:20] == b"\x11" * 20 and codes[180:] == b"\x11" * 20
    assert 0x11 not in list(codes[20:180])
    samples = array("h", [7] * 200)
    codec.decode(bytes(RING), 0, samples)
    assert list(samples[160:]) == [7] * 40


def test_codes_are_read_round_the_end_of_their_ring():
    samples = array("h", bytes(320))
    G711("PCMA").decode(bytes(range(256)) * (RING // 256), 0xFFFFFC, samples)
    values = linear_values("PCMA")
    assert list(samples) == values[252:] + values[:156]


@pytest.mark.parametrize("kind", ["h", "H"])
def test_signed_and_unsigned_arrays_hold_the_same_samples(kind):
    codec = G711("PCMU")
    samples = array(kind, bytes(320))
    codec.decode(memoryview(bytes(range(160)) + bytes(RING - 160)), 0, memoryview(samples))
    expected = linear_values("PCMU")[:160]
    assert [sample & 0xFFFF for sample in samples] == [value & 0xFFFF for value in expected]
    codes = bytearray(160)
    codec.encode(memoryview(samples), memoryview(codes), 0)
    assert codes[:0x7F] == bytes(range(0x7F))
