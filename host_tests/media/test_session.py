"""A stream in both directions, as the station sees it. Time is the number of ticks."""

import json
from array import array

import pytest
from media.g711 import G711
from media.session import Session

DATA = "host_tests/data/media/"
SSRC = 0x11223344
ALAW = G711("PCMA")
ULAW = G711("PCMU")


class Stream:
    def __init__(self, encoding="PCMA", payload_type=8, event_payload_type=101, ptime_ms=20):
        self.encoding = encoding
        self.payload_type = payload_type
        self.event_payload_type = event_payload_type
        self.ptime_ms = ptime_ms
        self.sending = True
        self.receiving = True


def session_with(stream=None, sequence=1, timestamp=0):
    return Session(stream or Stream(), 0xAABBCCDD, sequence, timestamp)


def rtp(sequence, timestamp, payload, payload_type=8, marker=0, ssrc=SSRC):
    packet = bytearray(12)
    packet[0] = 0x80
    packet[1] = marker | payload_type
    packet[2] = sequence >> 8 & 0xFF
    packet[3] = sequence & 0xFF
    for i in range(4):
        packet[4 + i] = timestamp >> 24 - 8 * i & 0xFF
        packet[8 + i] = ssrc >> 24 - 8 * i & 0xFF
    return packet + payload


def receive(session, *arguments):
    packet = rtp(*arguments)
    return session.receive(packet, len(packet))


def speech(number, length=160):
    """The codes of frame `number`."""
    return bytes((number * 31 + i * 5) & 0xFF for i in range(length))


def samples_of(codes, codec=ALAW):
    ring = bytes(codes) + bytes(4096 - len(codes))
    samples = array("h", bytes(320))
    decoded = []
    for position in range(0, len(codes), 160):
        codec.decode(ring, position, samples)
        decoded += list(samples)
    return decoded


def frame(value=0):
    return array("h", [value] * 160)


def listen(session):
    speaker = frame(12345)
    session.tick(None, speaker)
    return list(speaker)


def assert_counts(session, **expected):
    names = ("sent", "received", "lost", "late", "duplicate", "concealed")
    counted = {name: getattr(session, "frames_" + name) for name in names}
    counted["malformed"] = session.malformed
    for name, count in counted.items():
        assert count == expected.get(name, 0), (name, counted)


def call(session, frames, sequence=1, timestamp=0):
    """Packets that come on time; what is heard, without the first 40 ms."""
    heard = []
    for i in range(frames):
        assert receive(session, sequence + i & 0xFFFF, timestamp + i * 160, speech(i))
        heard.append(listen(session))
    assert heard[:2] == [[0] * 160] * 2
    return heard[2:]


# The speaker


@pytest.mark.parametrize("sequence,timestamp", [(1, 0), (65530, 0xFFFFFE00), (0, 0x00FFFF00)])
def test_what_is_received_is_heard_40_ms_later(sequence, timestamp):
    session = session_with()
    for i, heard in enumerate(call(session, 20, sequence, timestamp)):
        assert heard == samples_of(speech(i))
    assert_counts(session, received=20)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_the_peers_packets_may_have_any_length(ptime_ms):
    session = session_with()
    units = ptime_ms * 8
    said = b"".join(speech(i) for i in range(18))
    sent = 0
    heard = []
    for tick in range(18):
        while sent * units <= tick * 160:
            payload = said[sent * units : (sent + 1) * units]
            receive(session, sent, sent * units, payload)
            sent += 1
        heard += listen(session)
    assert heard[320:] == samples_of(said)[:-320]
    assert_counts(session, received=sent)


def test_one_lost_packet_is_concealed_and_counted():
    session = session_with()
    for i in range(10):
        if i != 5:
            receive(session, i, i * 160, speech(i))
        heard = listen(session)
        if i == 7:
            assert heard[159] == 0
        elif i >= 2:
            assert heard == samples_of(speech(i - 2))
    assert_counts(session, received=9, lost=1, concealed=1)


def test_a_packet_that_comes_after_its_time_is_late_and_not_lost():
    session = session_with()
    for i in range(10):
        if i != 5:
            receive(session, i, i * 160, speech(i))
        listen(session)
    assert receive(session, 5, 800, speech(5))
    assert_counts(session, received=10, late=1, concealed=1)


def test_reordered_and_duplicated_packets_are_heard_once_in_order():
    session = session_with()
    for i in range(0, 20, 2):
        for k in (i + 1, i, i + 1, i):
            assert receive(session, k, k * 160, speech(k))
        for k in (i, i + 1):
            heard = listen(session)
            # The first to come was the second: it was given 40 ms.
            assert k < 1 or heard == samples_of(speech(k - 1))
    assert_counts(session, received=20, duplicate=20)


def test_nothing_is_concealed_before_the_stream_begins_nor_after_it_is_held():
    stream = Stream()
    session = session_with(stream)
    for _ in range(5):
        assert listen(session) == [0] * 160
    call(session, 5)
    stream.receiving = False
    for _ in range(10):
        listen(session)
    assert listen(session) == [0] * 160
    assert_counts(session, received=5)


def test_a_held_stream_is_not_heard_and_comes_back():
    stream = Stream()
    session = session_with(stream)
    call(session, 5)
    stream.receiving = False
    for i in range(5, 60):
        assert receive(session, i + 1, i * 160, speech(i))
        heard = listen(session)
    assert heard == [0] * 160
    stream.receiving = True
    for i in range(60, 70):
        receive(session, i + 1, i * 160, speech(i))
        heard = listen(session)
    assert heard == samples_of(speech(67))


def test_without_a_speaker_time_passes_all_the_same():
    session = session_with()
    for i in range(10):
        receive(session, i, i * 160, speech(i))
        session.tick(None, None)
    receive(session, 10, 1600, speech(10))
    assert listen(session) == samples_of(speech(8))
    assert_counts(session, received=11)


def joined(*packets):
    """What one readinto of a MicroPython socket gives when these wait: no seam, and an old rest behind."""
    data = bytearray()
    for packet in packets:
        data += packet
    return data + b"rest", len(data)


@pytest.mark.parametrize("lengths", [[160, 160], [160, 4, 160], [80, 480, 4, 160, 160, 80]])
def test_datagrams_that_a_socket_joined_are_taken_apart(lengths):
    whole, parts = session_with(), session_with()
    packets = [rtp(0, 0, speech(0))]
    timestamp = 160
    for i, length in enumerate(lengths):
        packets.append(rtp(i + 1, timestamp, speech(i, length), 8 if length > 4 else 101))
        timestamp += length if length > 4 else 0
    for packet in packets:
        parts.receive(packet, len(packet))
    whole.receive(packets[0], len(packets[0]))
    heard = []
    whole.receive_joined(
        *joined(*packets[1:]), lambda packet, length: heard.append(packet[:length])
    )
    assert heard == packets[1:]
    assert whole.frames_received == parts.frames_received == len(packets)
    assert whole.frames_lost == whole.malformed == 0
    for _ in range(10):
        heard, expected = array("h", bytes(320)), array("h", bytes(320))
        whole.tick(None, heard)
        parts.tick(None, expected)
        assert heard == expected
    assert whole.digit() == parts.digit()


def test_rubbish_behind_a_packet_costs_no_more_than_itself():
    session = session_with()
    receive(session, 0, 0, speech(0))
    heard = []
    session.receive_joined(
        *joined(rtp(1, 160, speech(1)), rtp(2, 320, speech(2)), b"\x80" * 11),
        lambda packet, length: heard.append(length),
    )
    assert heard == [172, 183]
    assert session.frames_received == 3
    session.receive_joined(bytearray(b"\x80" * 1500), 1500, lambda packet, length: None)
    assert session.frames_received == 3


def test_another_ssrc_is_followed():
    session = session_with()
    call(session, 10)
    assert not receive(session, 700, 90000, speech(0), 8, 0, 99)
    heard = []
    for i in range(1, 8):
        assert receive(session, 700 + i, 90000 + i * 160, speech(i), 8, 0x80, 99)
        heard.append(listen(session))
    assert heard[2] == samples_of(speech(1))
    assert heard[3:] == [samples_of(speech(i)) for i in range(2, 6)]
    assert session.frames_concealed == 2
    assert session.frames_lost == 0


def test_a_stranger_in_the_stream_is_neither_heard_nor_believed():
    session = session_with()
    call(session, 5)
    for i in range(5, 15):
        assert not receive(session, i * 3, 7777 * i, speech(99), 8, 0, 0xDEADBEEF)
        receive(session, i + 1, i * 160, speech(i))
        assert listen(session) == samples_of(speech(i - 2))
    assert_counts(session, received=15)


def test_a_peer_may_send_the_other_law():
    session = session_with()
    call(session, 5)
    for i in range(5, 12):
        receive(session, i + 1, i * 160, speech(i), 0)
        heard = listen(session)
    assert heard == samples_of(speech(9), ULAW)


def test_a_payload_type_that_nobody_negotiated_begins_no_stream():
    session = session_with()
    assert not receive(session, 1, 0, speech(0), 96)
    assert call(session, 3)
    # In a stream it is a packet of the stream: not lost, and not heard.
    assert receive(session, 4, 480, speech(3), 13)
    assert receive(session, 5, 640, speech(4))
    assert_counts(session, received=5)


def test_a_negotiated_payload_type_is_what_the_answer_says():
    session = session_with(Stream("PCMU", 118, 97))
    for i in range(5):
        receive(session, i, i * 160, speech(i), 118)
        heard = listen(session)
    assert heard == samples_of(speech(2), ULAW)
    packet = session.tick(frame(), None)
    assert packet[1] == 0x80 | 118
    assert bytes(packet[12:]) == b"\xff" * 160


# The microphone


def fields(packet):
    """(marker, payload type, sequence, timestamp, payload bytes)"""
    assert packet[0] == 0x80
    assert bytes(packet[8:12]) == b"\xaa\xbb\xcc\xdd"
    timestamp = packet[4] << 24 | packet[5] << 16 | packet[6] << 8 | packet[7]
    return packet[1] >> 7, packet[1] & 0x7F, packet[2] << 8 | packet[3], timestamp, len(packet) - 12


def test_each_frame_is_a_packet():
    session = session_with(None, 65535, 0xFFFFFF00)
    said = samples_of(speech(3))
    packets = []
    for _ in range(3):
        packet = session.tick(array("h", said), None)
        assert bytes(packet[12:]) == speech(3)
        packets.append(fields(packet))
    assert packets == [
        (1, 8, 65535, 0xFFFFFF00, 160),
        (0, 8, 0, 0xFFFFFFA0, 160),
        (0, 8, 1, 0x00000040, 160),
    ]
    assert_counts(session, sent=3)


@pytest.mark.parametrize("ptime_ms,frames", [(10, 1), (20, 1), (30, 1), (40, 2), (60, 3)])
def test_packets_have_the_negotiated_length(ptime_ms, frames):
    session = session_with(Stream("PCMA", 8, None, ptime_ms))
    sent = []
    payload = b""
    for i in range(12):
        packet = session.tick(array("h", samples_of(speech(i))), None)
        assert (packet is not None) == (i % frames == frames - 1)
        if packet is not None:
            sent.append(fields(packet))
            payload += bytes(packet[12:])
    assert payload == b"".join(speech(i) for i in range(12))
    assert sent == [
        (int(i == 0), 8, 1 + i, i * 160 * frames, 160 * frames) for i in range(12 // frames)
    ]


def test_a_frame_that_the_microphone_lost_is_a_gap_and_a_marker():
    session = session_with()
    mics = [frame(), frame(), None, frame(), frame()]
    sent = [session.tick(mic, None) for mic in mics[:2]]
    assert fields(sent[1])[:4] == (0, 8, 2, 160)
    assert session.tick(mics[2], None) is None
    assert fields(session.tick(mics[3], None))[:4] == (1, 8, 3, 480)
    assert fields(session.tick(mics[4], None))[:4] == (0, 8, 4, 640)
    assert_counts(session, sent=4)


def test_a_lost_frame_ends_a_long_packet_early():
    session = session_with(Stream("PCMA", 8, None, 60))
    assert session.tick(frame(), None) is None
    assert session.tick(frame(), None) is None
    assert fields(session.tick(None, None)) == (1, 8, 1, 0, 320)
    assert session.tick(None, None) is None
    for _ in range(2):
        assert session.tick(frame(), None) is None
    assert fields(session.tick(frame(), None)) == (1, 8, 2, 640, 480)


def test_a_muted_stream_sends_nothing_and_comes_back_with_a_marker():
    stream = Stream()
    session = session_with(stream)
    session.tick(frame(), None)
    stream.sending = False
    session.send_digit("1")
    assert [session.tick(frame(), None) for _ in range(5)] == [None] * 5
    stream.sending = True
    assert fields(session.tick(frame(), None))[:4] == (1, 101, 2, 960)
    assert_counts(session, sent=2)


def test_after_a_new_offer_the_stream_goes_on():
    session = session_with()
    session.tick(frame(), None)
    session.update(Stream("PCMU", 0, None, 40))
    assert session.tick(frame(), None) is None
    assert fields(session.tick(frame(), None)) == (1, 0, 2, 160, 320)
    assert not session.send_digit("1")


def test_a_packet_never_outgrows_a_datagram():
    session = session_with(Stream("PCMA", 8, None, 2000))
    sent = [session.tick(frame(), None) for _ in range(9)]
    assert sent[:8] == [None] * 8
    assert fields(sent[8]) == (1, 8, 1, 0, 1440)


def test_a_payload_type_that_a_new_offer_gives_another_law_is_decoded_by_it():
    session = session_with(Stream("PCMU", 118))
    for i in range(4):
        receive(session, i, i * 160, speech(i), 118)
        listen(session)
    session.update(Stream("PCMA", 118))
    # What waited was of the old law.
    assert listen(session)[159] == 0
    for i in range(4, 10):
        receive(session, i, i * 160, speech(i), 118)
        heard = listen(session)
    assert heard == samples_of(speech(7))


# Digits


def test_a_digit_takes_the_place_of_audio_and_audio_returns_with_a_marker():
    session = session_with(None, 10, 1000)
    session.tick(frame(), None)
    assert session.send_digit("5", 60)
    sent = [session.tick(frame(), None) for _ in range(1)]
    packets = []
    for i in range(7):
        packet = sent[0] if i == 0 else session.tick(frame(), None)
        packets.append(fields(packet) + (bytes(packet[12:]) if packet[1] & 0x7F == 101 else None,))
    assert packets == [
        (1, 101, 11, 1160, 4, b"\x05\x0a\x00\xa0"),
        (0, 101, 12, 1160, 4, b"\x05\x0a\x01\x40"),
        (0, 101, 13, 1160, 4, b"\x05\x8a\x01\xe0"),
        (0, 101, 14, 1160, 4, b"\x05\x8a\x01\xe0"),
        (0, 101, 15, 1160, 4, b"\x05\x8a\x01\xe0"),
        (1, 8, 16, 1960, 160, None),
        (0, 8, 17, 2120, 160, None),
    ]


def test_a_digit_is_sent_although_the_microphone_lost_the_frame():
    session = session_with()
    session.send_digit("5")
    assert fields(session.tick(None, None))[:2] == (1, 101)
    assert fields(session.tick(None, None))[:2] == (0, 101)


@pytest.mark.parametrize("ptime_ms", [20, 60])
def test_digits_that_one_session_sends_another_reports(ptime_ms):
    door = session_with(Stream("PCMA", 8, 96, ptime_ms))
    phone = session_with(Stream("PCMA", 8, 96, ptime_ms), 500, 0xFFFFF000)
    code = "0123456789*#ABCD"
    assert all(phone.send_digit(digit) for digit in code)
    assert not phone.send_digit("1")
    heard = ""
    for _ in range(300):
        packet = phone.tick(frame(1000), None)
        if packet is not None:
            assert door.receive(packet, len(packet))
        door.tick(frame(), frame())
        digit = door.digit()
        heard += digit or ""
    assert heard == code
    assert_counts(door, received=phone.frames_sent, sent=300 * 20 // ptime_ms)


def test_no_digits_without_a_negotiated_event():
    session = session_with(Stream("PCMA", 8, None))
    assert not session.send_digit("1")
    call(session, 3)
    assert receive(session, 4, 480, b"\x01\x0a\x00\xa0", 101)
    assert session.digit() is None


def bytes_of(text):
    return bytearray(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


@pytest.mark.parametrize(
    "variant",
    [
        "all",
        "only_last_end_packets",
        "no_end_packets",
        "first_packet_of_each_lost",
        "reordered_pairs",
        "duplicated",
    ],
)
def test_the_sequence_of_rfc_4733(variant):
    with open(DATA + "sequence_911.json") as file:
        sequence = json.load(file)
    session = session_with(Stream("PCMA", 8, sequence["payload_type"]))
    order = sequence["variants"][variant]
    for index in order:
        packet = bytes_of(sequence["packets"][index]["hex"])
        assert session.receive(packet, len(packet))
    digits = [session.digit() for _ in range(4)]
    assert digits == list(sequence["expected_digits"]) + [None]
    assert session.frames_received == len(set(order))
    assert session.frames_duplicate == len(order) - len(set(order))
    assert session.malformed == 0


ODD_DIGITS = {
    "reserved_bit_set": "1",
    "event_16_flash": None,
    "event_200_unknown": None,
    "short_3_octets": None,
    "two_events_in_one_packet": "1",
    "duration_0": None,
    "event_on_wrong_pt": None,
}


def test_odd_event_packets():
    with open(DATA + "odd_packets.json") as file:
        odd = json.load(file)
    assert sorted(case["name"] for case in odd) == sorted(ODD_DIGITS)
    for case in odd:
        session = session_with(Stream("PCMA", 8, 100))
        packet = bytes_of(case["hex"])
        session.receive(packet, len(packet))
        assert session.digit() == ODD_DIGITS[case["name"]], case["name"]
        assert session.digit() is None
        assert session.malformed == (case["name"] == "short_3_octets")


def test_another_source_may_have_an_event_at_the_same_timestamp():
    session = session_with()
    receive(session, 1, 1600, b"\x01\x0a\x00\xa0", 101)
    for i in range(2):
        receive(session, 50 + i, 1600, b"\x01\x0a\x00\xa0", 101, 0, 99)
    assert [session.digit() for _ in range(3)] == ["1", "1", None]


def test_digits_do_not_count_as_gaps_in_the_audio():
    session = session_with()
    for i in range(40):
        if 10 <= i < 18:
            end = i >= 15
            duration = min(i - 9, 6) * 160
            payload = bytes([3, 0x8A if end else 10, duration >> 8, duration & 0xFF])
            receive(session, i, 1600, payload, 101, 0x80 if i == 10 else 0)
        else:
            receive(session, i, i * 160, speech(i))
        listen(session)
    assert session.digit() == "3"
    assert_counts(session, received=40)


# Anything


@pytest.mark.parametrize(
    "packet", [b"", b"\x80", b"\x00" * 172, b"\x80\x08" + bytes(9), b"\xb0\x08" + bytes(12)]
)
def test_what_is_no_rtp_is_counted_and_not_believed(packet):
    session = session_with()
    assert not session.receive(bytearray(packet), len(packet))
    assert_counts(session, malformed=1)


class Random:
    """A generator with the same numbers on both interpreters."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % limit


def scrambled(random, sequence, timestamp):
    """A packet of one of the kinds that a stream is made of, some of its fields random."""
    kind = random.below(10)
    payload = bytearray(random.below(256) for _ in range(random.below(400)))
    if kind == 0:
        return payload
    packet = rtp(sequence, timestamp, payload, (8, 0, 101, 13)[random.below(4)], 0x80 * (kind & 1))
    if kind < 6:
        for _ in range(random.below(4)):
            packet[random.below(12)] = random.below(256)
    if kind == 9:
        packet = packet[: random.below(len(packet))]
    return packet


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_whatever_arrives_the_stream_goes_on(seed):
    random = Random(seed)
    session = session_with(None, 65000, 0xFFFF0000)
    speaker = frame()
    mic = frame(500)
    for i in range(300):
        for _ in range(random.below(4)):
            packet = scrambled(random, i + random.below(8) & 0xFFFF, i * 160)
            assert session.receive(packet, len(packet)) in (True, False)
        if random.below(10) == 0:
            session.send_digit("0123456789*#ABCD"[random.below(16)], random.below(1000))
        if random.below(10) == 0:
            assert session.digit() in (None,) + tuple("0123456789*#ABCD")
        session.tick(mic, speaker)
        assert session.jitter.buffered <= 4096
    # A stream of good packets is heard again, at the latest after the 40 ms and one packet that
    # confirms it.
    for i in range(10):
        receive(session, 30000 + i, 500000 + i * 160, speech(i), 8, 0, 0x77777777)
        session.tick(mic, speaker)
    assert list(speaker) == samples_of(speech(7))
