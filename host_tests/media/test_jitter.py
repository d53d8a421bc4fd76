"""The buffer by itself: what goes in as bytes comes out as bytes, in its time."""

import pytest
from media.jitter import JitterBuffer

TARGET_TICKS = 2  # 40 ms


def payload(timestamp, length):
    """Bytes that tell their timestamp: no two frames that are less than 1.5 s apart are alike."""
    return bytes((at * 7 + (at >> 6)) & 0xFF for at in range(timestamp, timestamp + length))


class Header:
    """What the buffer wants of rtp.Source."""

    def __init__(self, timestamp, marker, offset, length):
        self.timestamp = timestamp & 0xFFFFFF
        self.marker = marker
        self.offset = offset
        self.length = length


def put(buffer, timestamp, length=160, marker=0):
    packet = b"\x00" * 12 + payload(timestamp, length)
    return buffer.put(Header(timestamp, marker, 12, length), packet)


def take(buffer):
    """(missed blocks, the 160 bytes with None where nothing arrived)"""
    position = buffer.playout
    buffer.take()
    codes = [
        buffer.ring[position + i & 4095] if buffer.present[i >> 3] else None for i in range(160)
    ]
    return buffer.missed, codes


def assert_plays(buffer, timestamp):
    missed, codes = take(buffer)
    assert missed == 0
    assert codes == list(payload(timestamp, 160))


def assert_plays_nothing(buffer, missed):
    assert take(buffer) == (missed, [None] * 160)


def started(timestamp):
    """A buffer that is about to play `timestamp`, and holds the 40 ms after that too."""
    buffer = JitterBuffer(40)
    put(buffer, timestamp)
    for i in range(TARGET_TICKS):
        assert_plays_nothing(buffer, 0)
        put(buffer, timestamp + (i + 1) * 160)
    return buffer


def test_a_buffer_that_has_heard_nothing_misses_nothing():
    buffer = JitterBuffer(40)
    for _ in range(5):
        assert_plays_nothing(buffer, 0)


@pytest.mark.parametrize("start", [0, 5, 160, 0xFFFF00, 0xFFFFFF, 0x7FFFF0])
def test_playout_begins_40_ms_after_the_first_packet_and_wraps_with_the_timestamp(start):
    buffer = started(start)
    for i in range(60):
        put(buffer, start + (i + 3) * 160)
        assert_plays(buffer, start + i * 160)
    assert buffer.resynchronised == 0
    assert buffer.buffered == 3 * 160


@pytest.mark.parametrize("length", [80, 160, 240, 320, 480])
def test_packets_of_10_to_60_ms(length):
    buffer = JitterBuffer(40)
    sent = 0
    for tick in range(100):
        while sent <= tick * 160:
            assert put(buffer, 1000 + sent, length)
            sent += length
        if tick < TARGET_TICKS:
            assert_plays_nothing(buffer, 0)
        else:
            assert_plays(buffer, 1000 + (tick - TARGET_TICKS) * 160)
    assert buffer.resynchronised == 0


def test_reordered_packets_fall_into_place():
    buffer = started(0)
    for first in range(480, 8000, 320):
        assert put(buffer, first + 160)
        assert put(buffer, first)
        assert_plays(buffer, first - 480)
        assert_plays(buffer, first - 320)


@pytest.mark.parametrize("start", [0, 5])
def test_what_is_lost_is_missing_and_the_rest_is_not_moved(start):
    buffer = started(start)
    assert_plays(buffer, start)
    put(buffer, start + 640, 80)
    assert_plays(buffer, start + 160)
    assert_plays(buffer, start + 320)
    assert_plays_nothing(buffer, 20)
    missed, codes = take(buffer)
    assert missed == 10
    assert codes == list(payload(start + 640, 80)) + [None] * 80


def test_a_packet_off_the_grid_of_the_blocks_is_played_to_its_end():
    buffer = started(0)
    put(buffer, 483)
    for timestamp in (0, 160, 320):
        assert_plays(buffer, timestamp)
    missed, codes = take(buffer)
    assert missed == 0
    assert codes[3:] == list(payload(483, 157))
    missed, codes = take(buffer)
    assert missed == 19
    assert codes[:3] == list(payload(640, 3))


def test_a_late_packet_is_refused_and_half_of_one_is_played():
    buffer = started(0)
    for timestamp in (0, 160, 320):
        assert_plays(buffer, timestamp)
    assert_plays_nothing(buffer, 20)
    assert not put(buffer, 480)
    assert put(buffer, 560)
    missed, codes = take(buffer)
    assert missed == 10
    assert codes == list(payload(640, 80)) + [None] * 80
    assert buffer.resynchronised == 0


def test_a_stall_that_ends_in_a_burst_does_not_move_playout():
    buffer = started(0)
    for _ in range(12):
        take(buffer)
    # Twelve packets at once; all but the last three are too late.
    assert [put(buffer, 480 + i * 160) for i in range(12)] == [False] * 9 + [True] * 3
    assert_plays(buffer, 12 * 160)
    assert buffer.resynchronised == 0


def test_a_path_that_stays_slower_is_followed_after_100_ms():
    buffer = started(0)
    refused = 0
    for _ in range(6):
        take(buffer)
    for i in range(20):
        refused += not put(buffer, 480 + i * 160)
        take(buffer)
    assert refused == 5
    assert buffer.resynchronised == 1
    put(buffer, 480 + 20 * 160)
    assert_plays(buffer, 480 + 18 * 160)


def test_late_packets_between_those_in_time_move_nothing():
    buffer = started(0)
    for i in range(30):
        assert put(buffer, 480 + i * 160)
        if i > 2:
            assert not put(buffer, i * 160 - 320)
        assert_plays(buffer, i * 160)
    assert buffer.resynchronised == 0


@pytest.mark.parametrize("leap", [5000, 1000000, -5000, -1000000, 0x7FFFFF])
def test_a_leap_of_the_timestamp_starts_anew(leap):
    buffer = started(0x800000)
    assert_plays(buffer, 0x800000)
    assert put(buffer, 0x800000 + leap)
    assert buffer.resynchronised == 1
    assert_plays_nothing(buffer, 20)
    assert_plays_nothing(buffer, 20)
    assert_plays(buffer, 0x800000 + leap)


def test_a_silence_whose_clock_went_on_ends_in_its_time():
    buffer = started(0)
    for _ in range(500):
        take(buffer)
    for i in range(3):
        assert put(buffer, 502 * 160 + i * 160)
    assert [take(buffer)[0] for _ in range(2)] == [20, 20]
    assert_plays(buffer, 502 * 160)
    assert buffer.resynchronised == 0


def test_a_talkspurt_after_a_pause_waits_its_40_ms_again():
    buffer = started(0)
    for _ in range(100):
        take(buffer)
    # In time by a hair, and too late: with a marker, either is anchored.
    for start in (100 * 160, 180 * 160):
        assert put(buffer, start, 160, 0x80)
        assert_plays_nothing(buffer, 20)
        assert_plays_nothing(buffer, 20)
        assert_plays(buffer, start)
        for _ in range(97):
            take(buffer)
    assert buffer.resynchronised == 2


def test_a_marker_in_the_middle_of_speech_moves_nothing():
    buffer = started(0)
    for i in range(20):
        put(buffer, 480 + i * 160, 160, 0x80)
        assert_plays(buffer, i * 160)
    assert buffer.resynchronised == 0


def test_a_burst_with_markers_in_the_middle_of_speech_moves_nothing():
    buffer = started(0)
    assert_plays(buffer, 0)
    for i in range(5):
        put(buffer, 480 + i * 160, 160, 0x80)
    for i in range(1, 8):
        assert_plays(buffer, i * 160)
    assert buffer.resynchronised == 0


def test_packets_that_waited_in_the_socket_do_not_delay_the_call():
    buffer = JitterBuffer(40)
    for i in range(6):
        assert put(buffer, i * 160)
    for timestamp in (480, 640, 800):
        assert_plays(buffer, timestamp)


def test_a_reader_that_stands_still_finds_the_newest_when_it_comes_back():
    buffer = started(0)
    assert_plays(buffer, 0)
    for i in range(1000):
        assert put(buffer, 480 + i * 160)
        assert buffer.buffered <= 4096
    assert buffer.resynchronised == 1
    for i in range(3):
        assert_plays(buffer, 480 + (997 + i) * 160)


def test_nothing_old_is_ever_played_again():
    buffer = started(0)
    for i in range(60):
        put(buffer, 480 + i * 160)
        assert_plays(buffer, i * 160)
    for i in range(60, 63):
        assert_plays(buffer, i * 160)
    for _ in range(60):
        assert_plays_nothing(buffer, 20)
    assert put(buffer, 123 * 160, 8)
    missed, codes = take(buffer)
    assert missed == 19
    assert codes == list(payload(123 * 160, 8)) + [None] * 152


def test_what_an_event_stands_for_is_neither_missed_nor_present():
    buffer = started(0)
    buffer.excuse(480, 240)
    for timestamp in (0, 160, 320):
        assert_plays(buffer, timestamp)
    assert_plays_nothing(buffer, 0)
    assert_plays_nothing(buffer, 10)
    assert_plays_nothing(buffer, 20)


def test_audio_beside_an_event_is_played():
    buffer = started(0)
    buffer.excuse(0, 65535)
    put(buffer, 480)
    for timestamp in (0, 160, 320, 480):
        assert_plays(buffer, timestamp)
    assert_plays_nothing(buffer, 0)


@pytest.mark.parametrize("timestamp", [-70000, -100, 4000, 5000, 0x7FFFFF])
def test_an_event_from_anywhere_harms_nothing(timestamp):
    buffer = started(0x800000)
    buffer.excuse(0x800000 + timestamp & 0xFFFFFF, 65535)
    for i in range(3):
        assert_plays(buffer, 0x800000 + i * 160)
    JitterBuffer(40).excuse(timestamp & 0xFFFFFF, 65535)


@pytest.mark.parametrize("length", [0, 2049, 65000])
def test_a_payload_of_no_sensible_length_is_passed_over(length):
    buffer = started(0)
    put(buffer, 480, length)
    for timestamp in (0, 160, 320):
        assert_plays(buffer, timestamp)
    assert_plays_nothing(buffer, 20)


@pytest.mark.parametrize("target_ms", [0, 10, 30, 100, 250])
def test_the_target_is_what_the_first_packet_waits(target_ms):
    buffer = JitterBuffer(target_ms)
    for i in range(20):
        put(buffer, i * 160)
        missed, codes = take(buffer)
        due = i * 160 - target_ms * 8
        expected = [None] * max(0, min(160, -due))
        assert codes == expected + list(payload(due + len(expected), 160 - len(expected)))
        assert missed == 0


def test_after_a_reset_the_next_packet_is_the_first():
    buffer = started(0)
    assert_plays(buffer, 0)
    buffer.reset()
    assert_plays_nothing(buffer, 20)
    put(buffer, 70000)
    assert_plays_nothing(buffer, 20)
    assert_plays_nothing(buffer, 20)
    assert_plays(buffer, 70000)


def test_skipping_shortens_the_delay_and_plays_nothing_twice():
    buffer = started(0)
    buffer.skip(240)
    assert_plays(buffer, 240)
    assert buffer.buffered == 80
    for i in range(60):
        put(buffer, 480 + i * 160)
        assert_plays(buffer, 400 + i * 160)
