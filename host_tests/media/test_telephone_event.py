import json

import pytest
from media.telephone_event import Receiver, Sender

DATA = "host_tests/data/media/"
DIGITS = "0123456789*#ABCD"
VARIANTS = [
    "all",
    "only_last_end_packets",
    "no_end_packets",
    "first_packet_of_each_lost",
    "reordered_pairs",
    "duplicated",
]


def load(name):
    with open(DATA + name) as file:
        return json.load(file)


def digits_of(receiver):
    digits = ""
    while True:
        digit = receiver.digit()
        if digit is None:
            return digits
        digits += digit


def event(number, duration, end=False):
    return bytes([number, 0x8A if end else 0x0A, duration >> 8, duration & 0xFF])


class Header:
    """What the receiver wants of rtp.Source."""

    def __init__(self, timestamp, marker=0):
        self.timestamp = timestamp
        self.marker = marker
        self.offset = 0


def received(*events):
    """The digits of a receiver that gets these: (timestamp, payload) or (timestamp, payload,
    marker, in_order).
    """
    receiver = Receiver()
    for timestamp, payload, *rest in events:
        marker, in_order = rest or (0, True)
        receiver.receive(Header(timestamp, marker), payload, in_order)
    return digits_of(receiver)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_digit_of_rfc_4733_table_5_once_whatever_is_lost(variant):
    sequence = load("sequence_911.json")
    assert sorted(sequence["variants"]) == sorted(VARIANTS)
    receiver = Receiver()
    newest = 0
    for index in sequence["variants"][variant]:
        packet = sequence["packets"][index]
        text = packet["hex"]
        payload = bytes(int(text[i : i + 2], 16) for i in range(24, 32, 2))
        receiver.receive(Header(packet["ts"], packet["M"] << 7), payload, packet["seq"] > newest)
        newest = max(newest, packet["seq"])
    assert digits_of(receiver) == sequence["expected_digits"]


@pytest.mark.parametrize("number", list(range(16)))
def test_events_and_their_digits(number):
    assert received((0, event(number, 160))) == DIGITS[number]


@pytest.mark.parametrize("number", [16, 32, 200, 255])
def test_other_events_are_not_digits(number):
    assert received((0, event(number, 160)), (0, event(number, 320, True))) == ""


@pytest.mark.parametrize("timestamp", [0, 0xFFFE, 0xFFFF, 0xFFFFFF])
def test_the_first_event_may_have_any_timestamp(timestamp):
    assert received((timestamp, event(0, 160))) == "0"


def test_a_digit_is_reported_with_its_first_packet():
    assert received((0, event(5, 160), 0x80, True)) == "5"


def test_duration_0_announces_and_does_not_report():
    assert received((0, event(5, 0))) == ""
    assert received((0, event(5, 0)), (0, event(5, 160))) == "5"
    assert received((0, event(5, 0)), (0, event(5, 0, True))) == "5"


def test_the_same_key_twice_is_two_digits():
    assert received((0, event(1, 800, True)), (1600, event(1, 160))) == "11"


def test_a_clock_that_jumps_back_does_not_silence_the_keys():
    assert received((500000, event(1, 800)), (1000, event(2, 160))) == "12"


def test_an_overtaken_packet_of_the_event_before_is_nothing_new():
    assert (
        received((0, event(1, 800)), (1600, event(2, 160)), (0, event(1, 800, True), 0, False))
        == "12"
    )


def test_an_overtaken_packet_of_a_later_event_is():
    assert received((0, event(1, 800)), (1600, event(2, 160), 0, False)) == "12"


def test_the_timestamp_wraps():
    assert received((0xFFFFF0, event(1, 800)), (1600, event(2, 160), 0, False)) == "12"


def test_a_key_held_for_more_than_8_seconds_is_one_digit():
    segment = 0xFFFF
    held = [(100 + i * segment & 0xFFFFFF, event(7, 0xFFFF)) for i in range(300)]
    assert received(*held) == "7"
    # With a marker, or as another key, it is another press.
    assert received((0, event(7, 0xFFFF)), (segment, event(7, 160), 0x80, True)) == "77"
    assert received((0, event(7, 0xFFFF)), (segment, event(8, 160))) == "78"


def test_a_flood_keeps_16_digits():
    flood = [(i * 1000, event(i & 15, 160)) for i in range(300)]
    assert received(*flood) == DIGITS


def test_after_a_reset_the_same_timestamp_is_another_event():
    receiver = Receiver()
    assert receiver.receive(Header(5), event(1, 160), True) == 160
    receiver.reset()
    assert receiver.receive(Header(5), event(2, 160), True) == 160
    assert digits_of(receiver) == "12"


def sent(sender, ticks):
    """(begins, payload as a tuple) for each tick, None where the tick belongs to audio."""
    packet = bytearray(16)
    packets = []
    for _ in range(ticks):
        if sender.is_due():
            begins = sender.write(packet, 12)
            packets.append((begins, tuple(packet[12:])))
        else:
            packets.append(None)
    return packets


def test_a_digit_is_sent_with_growing_duration_and_three_ends():
    sender = Sender()
    assert sender.queue("#", 80)
    assert sent(sender, 8) == [
        (True, (11, 10, 0, 160)),
        (False, (11, 10, 1, 64)),
        (False, (11, 10, 1, 224)),
        (False, (11, 0x8A, 2, 128)),
        (False, (11, 0x8A, 2, 128)),
        (False, (11, 0x8A, 2, 128)),
        None,
        None,
    ]


@pytest.mark.parametrize("asked_ms,ticks", [(0, 2), (40, 2), (99, 4), (100, 5), (9999, 255)])
def test_durations_are_kept_within_what_can_be_said(asked_ms, ticks):
    sender = Sender()
    sender.queue("1", asked_ms)
    packets = sent(sender, 260)
    assert packets.index(None) == ticks + 2
    duration = packets[ticks][1][2] << 8 | packets[ticks][1][3]
    assert duration == ticks * 160


def test_two_digits_are_100_ms_apart():
    sender = Sender()
    sender.queue("1", 40)
    sender.queue("2", 40)
    packets = sent(sender, 12)
    assert packets[4:7] == [None] * 3
    assert packets[7] == (True, (2, 10, 0, 160))


def test_the_queue_takes_16_digits():
    sender = Sender()
    assert [sender.queue(digit, 40) for digit in DIGITS] == [True] * 16
    assert not sender.queue("1", 40)
    sent(sender, 1)
    assert sender.queue("1", 40)
    assert not sender.queue("1", 40)
    begun = [packet[1][0] for packet in sent(sender, 200) if packet and packet[0]]
    assert begun == list(range(1, 16)) + [1]


@pytest.mark.parametrize("text", ["", "E", "a", "12", "é", " "])
def test_what_is_no_digit_is_refused(text):
    with pytest.raises(ValueError):
        Sender().queue(text, 100)
