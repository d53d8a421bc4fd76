"""Offer and answer (RFC 3264) with descriptions of real products, and with what they might send."""

import random
import sys

import pytest
from sip import message as messages
from sip import sdp

_DATA = "host_tests/data/sip/"


def data_of(name):
    with open(_DATA + name, "rb") as file:
        return file.read()


def described(*lines):
    """A description with an audio stream of PCMA, and `lines` after its m= line."""
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")
    return ("\r\n".join(head + ("m=audio 5000 RTP/AVP 8",) + lines) + "\r\n").encode()


def media_lines(lines):
    return [line for line in lines if line[:2] == "m="]


# What we write, byte for byte

_OFFER = b"""v=0
o=- 7 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 4000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""
_ANSWER_TO_ASTERISK = b"""v=0
o=- 7 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 4000 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""
_ANSWER_TO_HOLD = b"""v=0
o=- 7 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 4000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=ptime:20
a=inactive
"""
_ANSWER_TO_TWO = b"""v=0
o=- 7 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 4000 RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=ptime:20
a=sendrecv
m=video 0 RTP/AVP 31
"""
_OFFER_IPV6 = b"""v=0
o=- 7 1 IN IP6 2001:db8::9
s=-
c=IN IP6 2001:db8::9
t=0 0
m=audio 4000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""


@pytest.mark.parametrize(
    "offer, host, expected",
    [
        (None, "192.0.2.9", _OFFER),
        (None, "2001:db8::9", _OFFER_IPV6),
        ("sdp/asterisk_14.7.7_pjsip_offer.sdp", "192.0.2.9", _ANSWER_TO_ASTERISK),
        ("sdp/cucm_blackhole_inactive.sdp", "192.0.2.9", _ANSWER_TO_HOLD),
        ("rfc4475/application/sdp01.dat", "192.0.2.9", _ANSWER_TO_TWO),
    ],
)
def test_what_we_write_byte_for_byte(offer, host, expected):
    if offer is None:
        written = sdp.offer(host, 4000, 7)
    else:
        body = data_of(offer)
        if offer.endswith(".dat"):
            body = messages.parse(body).body
        written = sdp.answer(body, host, 4000, 7)[0]
    assert written == expected.replace(b"\n", b"\r\n")


# What products send


@pytest.mark.parametrize(
    "name, expected",
    [
        # (host, port, encoding, payload type, events, sending, receiving)
        (
            "asterisk_14.7.7_pjsip_offer",
            ("192.168.100.10", 20716, "PCMA", 8, 101, True, True),
        ),
        ("asterisk_15.6.1_g722_only_offer", None),
        ("asterisk_webrtc_offer_savpf", None),
        ("chrome_savpf_bundle_audio", None),
        (
            "cisco_7960_c_line_in_media_only",
            ("10.10.10.10", 20096, "PCMU", 0, 101, True, True),
        ),
        ("cucm_ack_answer_many_disabled_mlines", None),  # G.729 only
        ("cucm_blackhole_inactive", ("0.0.0.0", 24580, "PCMU", 0, None, False, False)),
        ("cucm_sbc_srtp_offer", None),
        ("fritzbox_6590_183", ("192.168.178.1", 7078, "PCMA", 8, 101, True, True)),
        (
            "rtpengine_two_telephone_event_rates",
            ("192.0.2.1", 11492, "PCMA", 8, 101, True, True),
        ),
        ("t38_reinvite_audio_port0_plus_image", None),
    ],
)
def test_offers_of_products_are_answered_or_refused(name, expected):
    body = data_of("sdp/" + name + ".sdp")
    if expected is None:
        for take in (lambda: sdp.answer(body, "192.0.2.9", 4000, 7), lambda: sdp.agreed(body)):
            with pytest.raises(ValueError):
                take()
        return
    for stream in (sdp.answer(body, "192.0.2.9", 4000, 7)[1], sdp.agreed(body)):
        found = (stream.host, stream.port, stream.encoding, stream.payload_type)
        found += (stream.event_payload_type, stream.sending, stream.receiving)
        assert found == expected
        assert stream.ptime_ms == 20


@pytest.mark.parametrize(
    "name, expected",
    [
        ("fritzbox_invite_05_183", ("192.168.178.1", 7078, "PCMA", 101)),
        ("fritzbox_invite_busy_07_183", ("192.168.0.1", 7086, "PCMA", 101)),
        ("grandstream_gxv3175v2_INVITE", ("192.168.124.63", 5004, "PCMU", 101)),
        ("grandstream_ht801_INVITE_nolength", ("172.50.1.103", 5004, "PCMU", None)),
        ("yealink_t22p_INVITE", ("192.168.100.163", 11782, "PCMU", 101)),
        ("grandstream_gxp2200_INVITE_savpf", None),
        ("linphone_ios_4.5.1_INVITE_avpf_ice", None),  # RTP/AVPF
        ("yealink_t26p_INVITE_shellshock", None),  # G.729 only
    ],
)
def test_bodies_of_messages_of_products(name, expected):
    body = messages.parse(data_of("messages/" + name + ".sip")).body
    if expected is None:
        with pytest.raises(ValueError):
            sdp.agreed(body)
    else:
        stream = sdp.agreed(body)
        found = (stream.host, stream.port, stream.encoding, stream.event_payload_type)
        assert found == expected


def test_every_media_line_has_its_answer_in_its_place():
    """RFC 3264 section 6: as many m-lines, in the same order, the refused ones with port 0."""
    offer = described(
        "m=audio 5002 RTP/AVP 0",
        "m=video 6000 RTP/AVP 31 34",
        "m=application 0 UDP/BFCP *",
        "m=audio 5004 RTP/SAVP 8",
    )
    offer = offer.replace(
        b"m=audio 5000 RTP/AVP 8", b"m=image 49158 udptl t38\r\nm=audio 5000 RTP/AVP 8"
    )
    answer, stream = sdp.answer(offer, "192.0.2.9", 4000, 7)
    assert media_lines(answer.decode().split("\r\n")) == [
        "m=image 0 udptl t38",
        "m=audio 4000 RTP/AVP 8",
        "m=audio 0 RTP/AVP 0",
        "m=video 0 RTP/AVP 31 34",
        "m=application 0 UDP/BFCP *",
        "m=audio 0 RTP/SAVP 8",
    ]
    assert stream.port == 5000


@pytest.mark.parametrize(
    "lines, direction, sending, receiving",
    [
        ((), "sendrecv", True, True),
        (("a=sendrecv",), "sendrecv", True, True),
        (("a=sendonly",), "recvonly", False, True),
        (("a=recvonly",), "sendonly", True, False),
        (("a=inactive",), "inactive", False, False),
        (("a=inactive ",), "inactive", False, False),
        (("c=IN IP4 0.0.0.0",), "sendrecv", False, True),
        (("c=IN IP4 0.0.0.0", "a=inactive"), "inactive", False, False),
        (("a=sendonly", "a=recvonly"), "sendonly", True, False),
        (("b=inactive", "i=inactive"), "sendrecv", True, True),
    ],
)
def test_direction_and_hold(lines, direction, sending, receiving):
    answer, stream = sdp.answer(described(*lines), "192.0.2.9", 4000, 7)
    assert answer.decode().endswith("\r\na=%s\r\n" % direction)
    assert (stream.sending, stream.receiving) == (sending, receiving)
    stream = sdp.agreed(described(*lines))
    assert (stream.sending, stream.receiving) == (sending, receiving)


def test_the_sessions_direction_and_address_hold_until_the_stream_says_its_own():
    session = described().replace(b"t=0 0", b"t=0 0\r\na=inactive")
    assert not sdp.agreed(session).sending
    assert sdp.agreed(session + b"a=sendrecv\r\n").sending
    session = described().replace(b"s=-", b"s=inactive")
    assert sdp.agreed(session).sending
    stream = sdp.agreed(described("c=IN IP4 192.0.2.77/127"))
    assert stream.host == "192.0.2.77"


@pytest.mark.parametrize(
    "formats, lines, expected",
    [
        # (encoding, payload type, events)
        ("8", (), ("PCMA", 8, None)),
        ("0 8", (), ("PCMU", 0, None)),  # the offerer's preference
        ("18 96 8", ("a=rtpmap:96 pcmu/8000",), ("PCMU", 96, None)),
        ("96", ("a=rtpmap:96 PCMA/8000/1",), ("PCMA", 96, None)),
        ("96 8", ("a=rtpmap:96 PCMA/16000",), ("PCMA", 8, None)),
        ("8", ("a=rtpmap:8 G722/8000",), None),
        ("96", (), None),
        ("8 97 98", ("a=rtpmap:97 telephone-event/48000", "a=rtpmap:98 telephone-event/8000"), ("PCMA", 8, 98)),
        ("8", ("a=rtpmap:101 telephone-event/8000",), ("PCMA", 8, None)),  # not listed
        ("101", ("a=rtpmap:101 telephone-event/8000",), None),  # events alone are no call
        ("8 110", ("a=rtpmap:110  TELEPHONE-EVENT/8000 ",), ("PCMA", 8, 110)),
        ("x 8", ("a=rtpmap:x PCMU/8000",), None),
        ("128", ("a=rtpmap:128 PCMU/8000",), None),
        ("\u00b2 8", (), ("PCMA", 8, None)),
        ("08", (), None),
    ],
)  # fmt: skip
def test_encodings_and_payload_numbers(formats, lines, expected):
    body = described(*lines).replace(b"AVP 8", b"AVP " + formats.encode())
    if expected is None:
        with pytest.raises(ValueError):
            sdp.agreed(body)
    else:
        stream = sdp.agreed(body)
        assert (stream.encoding, stream.payload_type, stream.event_payload_type) == expected


@pytest.mark.parametrize(
    "ptime, expected",
    [
        ("20", 20), ("10", 20), ("30", 20), ("40", 40), ("60", 60), ("200", 60), ("0", 20),
        ("", 20), ("x", 20), ("-40", 20), ("20a=sendrecv", 20), ("9999", 20), ("\u00b2", 20),
    ],
)  # fmt: skip
def test_ptime_is_whole_ticks_within_bounds(ptime, expected):
    answer, stream = sdp.answer(described("a=ptime:" + ptime), "192.0.2.9", 4000, 7)
    assert stream.ptime_ms == expected
    assert ("\r\na=ptime:%d\r\n" % expected).encode() in answer


def test_ipv6():
    body = described("c=IN IP6 2001:db8::1")
    assert sdp.agreed(body).host == "2001:db8::1"
    answer, stream = sdp.answer(body, "2001:db8::9", 4000, 7)
    assert b"\r\nc=IN IP6 2001:db8::9\r\n" in answer
    assert stream.host == "2001:db8::1"
    assert not sdp.answer(described("c=IN IP6 ::"), "2001:db8::9", 4000, 7)[1].sending
    with pytest.raises(ValueError):  # we could not send there
        sdp.answer(body, "192.0.2.9", 4000, 7)


def test_of_several_addresses_the_one_that_we_reach_is_taken():
    """RFC 5118 section 4.9, with the two families the other way round."""
    body = messages.parse(data_of("rfc5118/fixedlen_mult-ip-in-sdp.dat")).body
    body = body.replace(b"m=video 6024 RTP/AVP 107", b"m=audio 6024 RTP/AVP 0")
    for host, port in (("192.0.2.9", 22334), ("2001:db8::9", 6024)):
        answer, stream = sdp.answer(body, host, 4000, 7)
        assert stream.port == port
        assert len(media_lines(answer.decode().split("\r\n"))) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"v=0\r\n",
        b"<xml/>",
        b"\xff\xfe\x00",
        described().replace(b"c=IN IP4 192.0.2.1\r\n", b""),
        described().replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4"),
        described("c=ATM NSAP x"),
        described().replace(b"5000", b"65536"),
        described().replace(b"5000", b"-1"),
        described().replace(b"5000", b"x"),
        described().replace(b"5000", "\u0665".encode()),
        described().replace(b"RTP/AVP 8", b"RTP/AVP"),
        described().replace(b"m=audio 5000", b"m=audio 0"),
        described().replace(b"m=audio", b"m=text"),
        described("m="),
        described(*["m=audio 0 RTP/AVP 8"] * sdp.MAX_SECTIONS),
        described(*["a=x"] * sdp.MAX_LINES),
        described().replace(b"AVP 8", b"AVP " + b"9 " * sdp.MAX_FORMATS + b"9 8"),
    ],
)
def test_what_cannot_be_answered_is_a_value_error(body):
    for take in (lambda: sdp.answer(body, "192.0.2.9", 4000, 7), lambda: sdp.agreed(body)):
        with pytest.raises(ValueError):
            take()


def test_lines_may_end_as_they_like_and_other_character_sets_do_no_harm():
    body = described("a=sendonly").replace(b"s=-", b"s=T\xfcr")
    assert not sdp.agreed(body).sending
    assert not sdp.agreed(body.replace(b"\r\n", b"\n")).sending
    assert not sdp.agreed(body[:-2]).sending


def test_nothing_but_a_value_error_comes_of_a_description_that_the_network_has_changed():
    random.seed(20251)
    bodies = [
        data_of("sdp/fritzbox_6590_183.sdp"),
        data_of("sdp/cisco_7960_c_line_in_media_only.sdp"),
    ]
    bodies.append(data_of("sdp/cucm_ack_answer_many_disabled_mlines.sdp"))
    spice = (
        b"\r\n",
        b"m=audio 1 RTP/AVP 8\r\n",
        b"c=IN IP6 ::1\r\n",
        b"a=",
        b" ",
        b"\xff",
        b"9" * 11,
        b"/",
        b"=",
    )
    taken = 0
    for _ in range(3000 if sys.implementation.name == "cpython" else 300):
        body = bodies[random.randrange(len(bodies))]
        for _ in range(random.randrange(1, 5)):
            place = random.randrange(len(body))
            cut = place + random.randrange(20)
            body = body[:place] + spice[random.randrange(len(spice))] + body[cut:]
        for take in (lambda: sdp.answer(body, "192.0.2.9", 4000, 7)[1], lambda: sdp.agreed(body)):  # noqa: B023
            try:
                stream = take()
            except ValueError:
                continue
            taken += 1
            assert 0 < stream.port < 65536
            assert 0 <= stream.payload_type < 128
            assert stream.host
    assert taken > 50
