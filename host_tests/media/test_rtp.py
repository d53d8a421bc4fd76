import pytest
from media import rtp
from media.rtp import Numbering, Source

PLAIN = "80 88 1234 fe010203 aabbccdd"


def packet_of(text):
    return bytearray(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


def read(text):
    packet = packet_of(text.replace(" ", ""))
    source = Source()
    source.payload_types = (8,)
    return source.receive(packet, len(packet)), source


def test_a_plain_header():
    verdict, source = read(PLAIN + "0102")
    assert verdict == rtp.RESTARTED
    assert source.marker == 0x80
    assert source.payload_type == 8
    assert source.timestamp == 0x010203
    assert (source.offset, source.length) == (12, 2)


@pytest.mark.parametrize(
    "first,rest,offset,length",
    [
        ("80", "", 12, 0),
        ("82", "00000001 00000002 5555", 20, 2),
        ("90", "bede0001 11111111 555555", 20, 3),
        ("90", "bede0000 55", 16, 1),
        ("a0", "5555 000003", 12, 2),
        ("a0", "01", 12, 0),
        ("b1", "00000001 bede0001 11111111 555555 0002", 24, 3),
    ],
)
def test_csrcs_extension_and_padding_are_not_payload(first, rest, offset, length):
    verdict, source = read(first + PLAIN[2:] + rest)
    assert verdict == rtp.RESTARTED
    assert (source.offset, source.length) == (offset, length)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "80081234 fe010203 aabbcc",
        "00" + PLAIN[2:],
        "40" + PLAIN[2:],
        "c0" + PLAIN[2:],
        "81" + PLAIN[2:] + "000000",
        "90" + PLAIN[2:] + "bede00",
        "90" + PLAIN[2:] + "bede0001 111111",
        "90" + PLAIN[2:] + "bedeffff 11111111",
        "a0" + PLAIN[2:],
        "a0" + PLAIN[2:] + "5500",
        "a0" + PLAIN[2:] + "5503",
        "a0" + PLAIN[2:] + "ff",
    ],
)
def test_what_contradicts_itself_is_refused(text):
    verdict, _ = read(text)
    assert verdict == rtp.MALFORMED


def test_only_the_stated_length_counts():
    packet = packet_of("900812340000000000000001bede0001111111115555")
    source = Source()
    source.payload_types = (8,)
    assert source.receive(packet, 20) == rtp.RESTARTED
    assert source.length == 0
    assert source.receive(packet, 19) == rtp.MALFORMED
    assert source.receive(packet, 11) == rtp.MALFORMED


def test_what_is_written_is_read():
    numbering = Numbering(0xFEDCBA98, 0xFFFE, 0xFFEEDDCC)
    packet = numbering.new_packet(2)
    numbering.number(packet, 0x80 | 101, 0)
    assert packet == packet_of("80e5fffeffeeddccfedcba980000")


@pytest.mark.parametrize(
    "timestamp,elapsed,age,written",
    [
        (0, 160, 0, "000000a0"),
        (0xFFFFFFF0, 0, 0, "fffffff0"),
        (0xFFFFFFF0, 0x10, 0, "00000000"),
        (0x0000FFFF, 1, 0, "00010000"),
        (0x00010000, 0, 1, "0000ffff"),
        (0, 0, 160, "ffffff60"),
        (0xFFFFFFFF, 0x1FFFFFFF, 0, "1ffffffe"),
        (5, 0, 0x10000, "ffff0005"),
    ],
)
def test_timestamps_carry_borrow_and_wrap(timestamp, elapsed, age, written):
    numbering = Numbering(1, 0xFFFF, timestamp)
    packet = numbering.new_packet(0)
    numbering.elapsed += elapsed
    numbering.number(packet, 8, age)
    assert bytes(packet[:8]) == bytes(packet_of("8008ffff" + written))
    numbering.number(packet, 8, age)
    assert bytes(packet[:8]) == bytes(packet_of("80080000" + written))


def verdicts(sequences, ssrc=1, source=None, payload_type=8):
    """What a source (a new one, if none is given) says of packets with these sequence numbers."""
    if source is None:
        source = Source()
        source.payload_types = (8,)
    packet = packet_of("800800000000000000000000")
    packet[1] = payload_type
    packet[8] = ssrc  # its highest byte
    said = []
    for sequence in sequences:
        packet[2] = sequence >> 8
        packet[3] = sequence & 0xFF
        said.append(source.receive(packet, 12))
    return said, source


def test_only_a_payload_type_of_ours_begins_a_stream():
    said, source = verdicts([1, 2, 3], 1, None, 9)
    assert said == [rtp.STRANGER] * 3
    assert verdicts([4], 1, source)[0] == [rtp.RESTARTED]
    assert verdicts([5], 1, source, 9)[0] == [rtp.NEWEST]
    assert verdicts([100, 101, 102], 2, source, 9)[0] == [rtp.STRANGER] * 3


def test_the_first_packet_is_believed_and_the_rest_follows():
    said, source = verdicts([7, 8, 9])
    assert said == [rtp.RESTARTED, rtp.NEWEST, rtp.NEWEST]
    assert source.lost == 0


def test_the_sequence_wraps():
    said, source = verdicts([65534, 65535, 0, 1, 65535])
    assert said == [rtp.RESTARTED, rtp.NEWEST, rtp.NEWEST, rtp.NEWEST, rtp.DUPLICATE]
    assert source.lost == 0


def test_a_gap_is_lost_until_it_is_filled():
    said, source = verdicts([10, 14])
    assert source.lost == 3
    said, _ = verdicts([12, 12, 13], 1, source)
    assert said == [rtp.REORDERED, rtp.DUPLICATE, rtp.REORDERED]
    assert source.lost == 1


def test_a_packet_from_before_the_first_was_never_lost():
    said, source = verdicts([100, 99, 98, 99])
    assert said == [rtp.RESTARTED, rtp.REORDERED, rtp.REORDERED, rtp.DUPLICATE]
    assert source.lost == 0


def test_a_gap_longer_than_the_window_is_lost_all_of_it():
    said, source = verdicts([0, 1000, 999, 873, 872])
    assert said == [rtp.RESTARTED, rtp.NEWEST, rtp.REORDERED, rtp.REORDERED, rtp.STRANGER]
    assert source.lost == 997


def test_a_stray_leap_is_ignored_and_a_real_one_is_followed():
    said, source = verdicts([1, 2, 30000, 3, 40000, 40001, 40002])
    assert said == [
        rtp.RESTARTED,
        rtp.NEWEST,
        rtp.STRANGER,
        rtp.NEWEST,
        rtp.STRANGER,
        rtp.RESTARTED,
        rtp.NEWEST,
    ]
    assert source.lost == 0


def test_another_source_needs_two_consecutive_packets():
    _, source = verdicts([5, 6])
    said, _ = verdicts([100, 101, 102], 2, source)
    assert said == [rtp.STRANGER, rtp.RESTARTED, rtp.NEWEST]


def test_a_second_source_between_the_packets_of_the_first_never_takes_over():
    _, source = verdicts([5])
    for i in range(6, 50):
        assert verdicts([i], 1, source)[0] == [rtp.NEWEST]
        assert verdicts([i + 600], 2, source)[0] == [rtp.STRANGER]


def test_an_old_ssrc_that_lingers_does_not_take_the_stream_back():
    _, source = verdicts([5, 6])
    verdicts([100, 101], 2, source)
    said, _ = verdicts([7], 1, source)
    assert said == [rtp.STRANGER]
    said, _ = verdicts([102], 2, source)
    assert said == [rtp.NEWEST]
