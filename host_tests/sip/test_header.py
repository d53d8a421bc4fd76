"""Header values: RFC 3261 sections 7.3.1 and 20, and what phones make of them."""

import pytest
from sip import header


@pytest.mark.parametrize(
    "value, parts",
    [
        ("", [""]),
        ("a", ["a"]),
        (" a ,\tb,c ", ["a", "b", "c"]),
        ("a,,b,", ["a", "", "b", ""]),
        ('"Watson, Thomas" <sip:t@h>, <sip:a,b@h>', ['"Watson, Thomas" <sip:t@h>', "<sip:a,b@h>"]),
        (r'"a\",b" <sip:h>,c', [r'"a\",b" <sip:h>', "c"]),
        (r'"a\\",b', [r'"a\\"', "b"]),
        ('"<", ">"', ['"<"', '">"']),
        ('<sip:a"b@h>,c', ['<sip:a"b@h>,c']),  # the quote never ends
        ("<sip:a,b", ["<sip:a,b"]),
        ('"\u00e4,\u00f6",\u00fc', ['"\u00e4,\u00f6"', "\u00fc"]),
    ],
)
def test_lists_are_split_outside_quotes_and_brackets(value, parts):
    assert header.split(value) == parts


@pytest.mark.parametrize(
    "value, params",
    [
        ("", {}),
        ("Tag=AbC;lr", {"tag": "AbC", "lr": None}),
        (" tag = 98asjd8 ;; x = ", {"tag": "98asjd8", "x": ""}),
        (r'n="a;b\"c\\";m=1', {"n": 'a;b"c\\', "m": "1"}),
        ('n="a=b";=x', {"n": "a=b"}),
        ('n="open', {"n": '"open'}),
    ],
)
def test_parameters(value, params):
    assert header.parameters(header.split(value, ";")) == params


@pytest.mark.parametrize("text", ["", "plain", 'a "b" c', "\\", '"', '\\"\\', "\u00fc\\"])
def test_unquote_takes_back_what_quote_does(text):
    assert header.unquote(header.quote(text)) == text
    assert header.parameters(["x=" + header.quote(text)]) == {"x": text}


def test_unquote_leaves_what_is_no_quoted_string():
    for text in ("", '"', "a", '"a', 'a"', 'a"b"'):
        assert header.unquote(text) == text


@pytest.mark.parametrize(
    "value, display, uri, params",
    [
        ("<sip:alice@h>", "", "sip:alice@h", {}),
        ("sip:alice@h", "", "sip:alice@h", {}),
        ("sip:alice@h;tag=88", "", "sip:alice@h", {"tag": "88"}),  # not the URI's
        ("sip:alice@h ; tag = 88", "", "sip:alice@h", {"tag": "88"}),
        ("<sip:alice@h;transport=tcp>;tag=88", "", "sip:alice@h;transport=tcp", {"tag": "88"}),
        ("Alice<sip:alice@h>;tag=1", "Alice", "sip:alice@h", {"tag": "1"}),
        ('"Alice"<sip:alice@h> ; q = 0.7;a', "Alice", "sip:alice@h", {"q": "0.7", "a": None}),
        ("Front Door  <sip:door@h>", "Front Door", "sip:door@h", {}),
        ("Bell, Alexander <sip:b@h>;tag=43", "Bell, Alexander", "sip:b@h", {"tag": "43"}),
        ('"Watson, T" < sip:t@h >', "Watson, T", "sip:t@h", {}),
        (r'"J \\\"" <sip:j@h>', 'J \\"', "sip:j@h", {}),
        ('"a <sip:x@y>;tag=1" <sip:j@h>;tag=2', "a <sip:x@y>;tag=1", "sip:j@h", {"tag": "2"}),
        ('"" <sip:j@h>', "", "sip:j@h", {}),
        ("<sip:a;b=c@h?Route=%3Cx%3E>", "", "sip:a;b=c@h?Route=%3Cx%3E", {}),
        ("<tel:+1>", "", "tel:+1", {}),
        (
            '<sip:k@h>;+sip.instance="<urn:uuid:1>";x="a,b;c"',
            "",
            "sip:k@h",
            {"+sip.instance": "<urn:uuid:1>", "x": "a,b;c"},
        ),
        ('sip:k@h;x="<a>"', "", "sip:k@h", {"x": "<a>"}),
        ('"\u00c4 \u4e2d" <sip:k@h>;tag=1', "\u00c4 \u4e2d", "sip:k@h", {"tag": "1"}),
    ],
)
def test_an_address_is_understood_and_written_so_that_it_is_understood_again(
    value, display, uri, params
):
    for text in (value, str(header.address(value))):
        address = header.address(text)
        assert (address.display, address.uri, address.params) == (display, uri, params)
    assert header.tag(value) == (params.get("tag") or "")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bell",
        "*",
        "<>",
        "<sip:a@h",
        "sip:a@h>",
        "<sip:a@h> x",
        "<sip:a@h>tag=1",
        "<<sip:a@h>>",
        '"Mr. J. User <sip:j.user@example.com>',  # RFC 4475 quotbal
        '"a" sip:a@h',
        "sip:a b@h",
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",  # RFC 4475 regbadct
        "sip:a,b@h",
        '<sip:"a"@h>',
        "<sip:a@h\tb>",
    ],
)
def test_what_is_no_address_is_refused(value):
    with pytest.raises(ValueError):
        header.address(value)


@pytest.mark.parametrize(
    "value, transport, host, port, params",
    [
        (
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
            "UDP",
            "192.0.2.1",
            5060,
            {"branch": "z9hG4bK1", "rport": None},
        ),
        ("SIP/2.0/TCP spindle.example.com", "TCP", "spindle.example.com", 0, {}),
        (
            "SIP  / 2.0\t /UDP   192.0.2.2 ;branch = 390skdjuw ",
            "UDP",
            "192.0.2.2",
            0,
            {"branch": "390skdjuw"},
        ),
        ("SIP / 2.0 / UDP host\t: 5070 ; ttl=1", "UDP", "host", 5070, {"ttl": "1"}),
        ("sip/2.0/tls [2001:DB8::9:1]:6050", "TLS", "[2001:db8::9:1]", 6050, {}),
        ("SIP/2.0/TCP [2001:db8::9:1] ;a", "TCP", "[2001:db8::9:1]", 0, {"a": None}),
        (
            "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];x=2001:db8::9:255",
            "UDP",
            "[2001:db8::9:1]",
            0,
            {"received": "[2001:db8::9:255]", "x": "2001:db8::9:255"},
        ),
        ("SIP/2.0/UNKNOWN t4.example.com", "UNKNOWN", "t4.example.com", 0, {}),
        ('SIP/2.0/UDP h;x="a;b"', "UDP", "h", 0, {"x": "a;b"}),
        ("SIP/7.0/UDP c.example.com", "UDP", "c.example.com", 0, {}),
    ],
)
def test_a_via_is_understood_and_written_so_that_it_is_understood_again(
    value, transport, host, port, params
):
    for text in (value, str(header.via(value))):
        via = header.via(text)
        assert (via.transport, via.host, via.port, via.params) == (transport, host, port, params)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";;",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ;branch=1",
        "SIP/2.0 UDP h",
        "SIP/2.0/ h",
        "/2.0/UDP h",
        "HTTP/1.1/TCP h",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP [2001:db8::1",
        "SIP/2.0/UDP h h;x",
        "SIP " * 2000,
    ],
)
def test_what_is_no_via_is_refused(value):
    with pytest.raises(ValueError):
        header.via(value)


def test_bare_characters_that_phones_put_into_branches_stay_bare():
    value = "SIP/2.0/UDP h;branch=z9hG4bK+a/b=.c@d|e%20"
    assert str(header.via(value)) == value


@pytest.mark.parametrize(
    "value, expected",
    [
        ("1 INVITE", (1, "INVITE")),
        ("0009   INVITE", (9, "INVITE")),
        (" 0\tACK ", (0, "ACK")),
        ("2147483647 x", (2147483647, "x")),
        ("2147483648 INVITE", None),
        ("36893488147419103232 REGISTER", None),
        ("-1 INVITE", None),
        ("\u00b2 INVITE", None),
        ("1", None),
        ("INVITE", None),
        ("1 INVITE x", None),
        ("1.5 INVITE", None),
        ("", None),
    ],
)
def test_cseq(value, expected):
    if expected is None:
        with pytest.raises(ValueError):
            header.cseq(value)
    else:
        assert header.cseq(value) == expected
