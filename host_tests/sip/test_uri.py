"""RFC 3261 section 19.1, with the URIs of its examples and of RFC 4475 and RFC 5118."""

import pytest
from sip import uri
from sip.registrar import same_uri


@pytest.mark.parametrize(
    "text, parts",
    [
        # (scheme, user, password, host, port, params, headers)
        ("sip:alice@atlanta.com", ("sip", "alice", None, "atlanta.com", 0, {}, "")),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            ("sip", "alice", "secretword", "atlanta.com", 0, {"transport": "tcp"}, ""),
        ),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            ("sips", "alice", None, "atlanta.com", 0, {}, "subject=project%20x&priority=urgent"),
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            ("sip", "+1-212-555-1212", "1234", "gateway.com", 0, {"user": "phone"}, ""),
        ),
        ("sip:192.0.2.4:6000", ("sip", None, None, "192.0.2.4", 6000, {}, "")),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            ("sip", None, None, "atlanta.com", 0, {"method": "REGISTER"}, "to=alice%40atlanta.com"),
        ),
        (
            "sip:alice;day=tuesday@atlanta.com",
            ("sip", "alice;day=tuesday", None, "atlanta.com", 0, {}, ""),
        ),
        ("sip:a@h;lr;x=;y=a=b", ("sip", "a", None, "h", 0, {"lr": None, "x": "", "y": "a=b"}, "")),
        (
            "sip:user@[2001:db8::10]:5070",
            ("sip", "user", None, "[2001:db8::10]", 5070, {}, ""),
        ),
        ("sip:[::ffff:192.0.2.2]", ("sip", None, None, "[::ffff:192.0.2.2]", 0, {}, "")),
        # A user part that looks like everything else (RFC 4475 section 3.1.1.2)
        (
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
            (
                "sip",
                "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
                "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
                "example.com",
                0,
                {},
                "",
            ),
        ),
        ("tel:+358-555-1234567", ("tel", None, None, "+358-555-1234567", 0, {}, "")),
        ("urn:service:sos", ("urn", None, None, "service:sos", 0, {}, "")),
    ],
)
def test_a_uri_is_taken_apart_and_put_together_again(text, parts):
    parsed = uri.parse(text)
    found = (parsed.scheme, parsed.user, parsed.password, parsed.host, parsed.port)
    assert found + (parsed.params, parsed.headers) == parts
    assert_written(parsed, text)


def assert_written(parsed, text):
    """`parsed` is written as `text`; the order of parameters means nothing, and MicroPython keeps none."""
    assert sorted(str(parsed).split(";")) == sorted(text.split(";"))


def test_scheme_host_and_parameter_names_are_put_in_lower_case_and_nothing_else():
    parsed = uri.parse("SIP:Alice:PaSs@AtLanTa.CoM;Transport=UDP;LR")
    assert_written(parsed, "sip:Alice:PaSs@atlanta.com;transport=UDP;lr")


def test_escaped_parameter_names_are_known_but_never_become_separators():
    """RFC 4475 section 3.1.1.3: %6C%72 is lr."""
    parsed = uri.parse("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31")
    assert parsed.params == {"lr": None, "name": "v%61lue%25%34%31"}
    assert uri.unescape(parsed.user) == "caller"
    assert uri.unescape(parsed.params["name"]) == "value%41"
    text = "sip:h;a%3bb%3e%0d%0a=1"
    assert str(uri.parse(text)) == text


def test_empty_parameters_are_left_out():
    assert uri.parse("sip:alice@h;;transport=tcp;").params == {"transport": "tcp"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        ":alice@h",
        "sip:@h",
        "sip:alice@",
        "sip:alice@h:",
        "sip:alice@h:x",
        "sip:alice@h:0",
        "sip:alice@h:65536",
        "sip:alice@h:-1",
        "sip:alice@h:99999999999999999999",
        "sip:alice@h:5\u0666",
        "sip:alice@h:\u00b2",
        "sip:alice bob@h",
        "sip:alice@h ",
        " sip:alice@h",
        "sip:alice@h\r\nEvil: x",
        "sip:alice\t@h",
        "<sip:alice@h>",
        "sip:alice@h>",
        'sip:"alice"@h',
        "sip:alice@b@h",
        "sip:alice@h/x",
        "sip:alice@h,x",
        "sip:2001:db8::10",
        "sip:a@[2001:db8:::192.0.2.1]",
        "sip:a@[2001:db8::1",
        "sip:a@2001:db8::1]",
        "sip:a@[2001:db8::1]x",
        "sip:a@[2001:db8::1]5060",
        "sip:a@[x::1]",
        "sip:a@[]",
        "sip:a@[",
        "sip:a@[192.0.2.1]",
        "tel:+1 2",
        "tel:<x>",
    ],
)
def test_what_is_no_uri_is_refused(text):
    with pytest.raises(ValueError):
        uri.parse(text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:5060", ("192.0.2.1", 5060)),
        ("h:65535", ("h", 65535)),
        ("h:05060", ("h", 5060)),
        ("My_NAS.local.", ("my_nas.local.", 0)),
        ("[2001:DB8::10:5070]", ("[2001:db8::10:5070]", 0)),  # RFC 5118 section 4.3: no port
        ("[2001:db8::10]:5070", ("[2001:db8::10]", 5070)),
        ("[::]", ("[::]", 0)),
    ],
)
def test_host_and_port(text, expected):
    assert uri.host_and_port(text) == expected


@pytest.mark.parametrize(
    "text, most, expected",
    [
        ("0", 0, 0),
        ("0068", 255, 68),
        ("4294967295", 4294967295, 4294967295),
        ("256", 255, None),
        ("", 9, None),
        ("-1", 9, None),
        ("+1", 9, None),
        (" 1", 9, None),
        ("1_0", 99, None),
        ("\u0661", 9, None),
        ("00000000001", 9, None),
    ],
)
def test_number_is_ascii_digits_within_bounds(text, most, expected):
    if expected is None:
        with pytest.raises(ValueError):
            uri.number(text, most)
    else:
        assert uri.number(text, most) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("alice", "alice"),
        ("%61lice", "alice"),
        ("null-%00-null", "null-\0-null"),
        ("j%C3%BCrgen", "j\u00fcrgen"),
        ("j\u00fcrgen%40x", "j\u00fcrgen@x"),
        ("%FC", "\u00fc"),  # no UTF-8
        ("100%", "100%"),
        ("%4", "%4"),
        ("%zz%%41", "%zz%A"),
        ("%2541", "%41"),  # once, not twice
        ("%+1%\u0661\u0661", "%+1%\u0661\u0661"),
    ],
)
def test_unescape(text, expected):
    assert uri.unescape(text) == expected


@pytest.mark.parametrize(
    "one, other, expected",
    [
        # The examples of RFC 3261 section 19.1.4
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", True),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", True),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            True,
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            True,
        ),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
            False,
        ),
        # Its rules, where there is no example
        ("sip:alice@h", "sips:alice@h", False),
        ("sip:alice@h", "sip:h", False),
        ("sip:alice@h", "sip:alice:x@h", False),
        ("sip:alice:X@h", "sip:alice:x@h", False),
        ("sip:alice@h;user=ip", "sip:alice@h", False),
        ("sip:alice@h", "sip:alice@h;maddr=192.0.2.1", False),
        ("sip:h;ttl=1", "sip:h", False),
        ("sip:h;method=INVITE", "sip:h", False),
        ("sip:h;lr", "sip:h;lr=", True),
        ("tel:+1", "tel:+1", True),
        ("tel:+1", "tel:+2", False),
        ("tel:h", "sip:h", False),
    ],
)
def test_comparison(one, other, expected):
    assert same_uri(uri.parse(one), uri.parse(other)) is expected
    assert same_uri(uri.parse(other), uri.parse(one)) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("sip:alice@h", ("UDP", "h", 5060)),
        ("sip:alice@h:5070;transport=tcp", ("TCP", "h", 5070)),
        ("sip:h;transport=TLS", ("TLS", "h", 5061)),
        ("sips:h", ("TLS", "h", 5061)),
        ("sips:h:1;transport=tcp", ("TLS", "h", 1)),
        ("sip:h;transport", ("UDP", "h", 5060)),
        ("sip:h;maddr=192.0.2.9;transport=tcp", ("TCP", "192.0.2.9", 5060)),
    ],
)
def test_hop(text, expected):
    assert uri.parse(text).hop() == expected


def test_hop_of_ipv6_keeps_its_brackets():
    assert uri.parse("sip:a@[2001:db8::1]").hop() == ("UDP", "[2001:db8::1]", 5060)


def test_bytes_that_are_no_utf8_become_the_characters_of_their_numbers():
    assert uri.text_of(b"J\xc3\xbcrgen") == "J\u00fcrgen"
    assert uri.text_of(b"J\xfcrgen") == "J\u00fcrgen"
