"""Messages: RFC 3261 section 7, the torture tests (RFC 4475, RFC 5118), what products send, and worse."""

import os
import random
import sys

import pytest
from sip import header, uri
from sip import message as messages
from sip.registrar import same_uri

HEAP = "1M"
_DATA = "host_tests/data/sip/"
_FOLDERS = (
    "messages",
    "rfc4475/valid",
    "rfc4475/invalid",
    "rfc4475/transaction",
    "rfc4475/application",
    "rfc5118",
)


def names(folder):
    return [folder + "/" + name for name in sorted(os.listdir(_DATA + folder))]


def data_of(name):
    with open(_DATA + name, "rb") as file:
        return file.read()


def parsed(name):
    return messages.parse(data_of(name))


def checked(name):
    message = parsed(name)
    messages.check(message)
    return message


def request(*fields, body=b""):
    """The bytes of a request that is right, with `fields` put before its own."""
    lines = ("INVITE sip:door@192.0.2.9 SIP/2.0",) + fields
    lines += (
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From: <sip:a@h>;tag=1",
        "To: <sip:b@h>",
    )
    return "\r\n".join(lines + ("Call-ID: 1", "CSeq: 1 INVITE", "", "")).encode() + body


def content(message):
    """What a message says, without the Content-Length that encode writes anew."""
    fields = [pair for pair in message.headers if pair[0].lower() not in ("content-length", "l")]
    return (message.method, message.uri, message.status, message.reason, fields, message.body)


# What arrives is what was sent


@pytest.mark.parametrize("name", names("messages") + names("rfc4475/valid") + names("rfc5118"))
def test_nothing_is_lost_from_the_wire_to_the_wire(name):
    data = data_of(name)
    message = messages.parse(data)
    head, _, body = data.partition(b"\r\n\r\n")
    assert message.body == body
    unfolded = head.decode().replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    assert len(message.headers) == len(unfolded) - 1
    for line, (name, value) in zip(unfolded[1:], message.headers):
        assert (name, value) == (line.split(":", 1)[0].strip(), line.split(":", 1)[1].strip())
    again = messages.parse(message.encode())
    assert content(again) == content(message)
    assert again.get("Content-Length") == str(len(body))


# Cut short when they were collected: their Content-Length says more than is there.
_CUT_SHORT = (
    "messages/linphone_ios_4.5.1_INVITE_avpf_ice.sip",
    "messages/yealink_t26p_INVITE_shellshock.sip",
)


@pytest.mark.parametrize("name", [name for name in names("messages") if name not in _CUT_SHORT])
def test_what_products_send_is_a_message_whose_every_part_is_understood(name):
    message = checked(name)
    assert message.via().host
    assert message.via().params["branch"]
    number, method = message.cseq()
    assert number > 0
    assert message.status or method == message.method
    for which in ("From", "To"):
        assert uri.parse(message.address(which).uri).is_sip()
    assert message.tag("From")
    for value in message.values("Contact"):
        assert header.address(value).uri.startswith("sip")


def test_what_was_cut_short_is_a_400():
    for name in _CUT_SHORT:
        with pytest.raises(messages.MessageError) as raised:
            checked(name)
        assert (raised.value.status, raised.value.why) == (400, "Bad Content-Length")


def test_compact_names_stand_for_the_long_ones():
    message = checked("messages/freeswitch_200_REGISTER_compact_headers.sip")
    assert message.via().params == {"branch": "z9hG4bK724057443", "rport": "5060"}
    assert message.address("From").display == "201 T2"
    assert message.tag("To") == "pc1ev197NtQBc"
    assert message.get("Call-ID") == "4_723949779@10.6.1.14"
    assert message.cseq() == (2, "REGISTER")
    assert message.address("Contact").params == {"expires": "1800"}
    assert message.values("Supported") == ["timer", "path", "replaces"]
    assert message.get("Content-Length") == "0"


def test_every_compact_name():
    pairs = (
        "cContent-Type eContent-Encoding fFrom iCall-ID kSupported lContent-Length mContact oEvent"
    )
    pairs += " rRefer-To bReferred-By sSubject tTo uAllow-Events vVia xSession-Expires"
    for pair in pairs.split():
        message = messages.Message("INVITE", "sip:h").add(pair[0].upper(), "x")
        assert message.get(pair[1:]) == "x", pair
        message.remove(pair[1:])
        assert message.headers == []


def test_a_name_matches_in_any_case_and_no_other_name():
    message = messages.Message("INVITE", "sip:h").add("cALL-id", 1).add("Call-Ib", 2).add("Z", 3)
    assert message.fields("Call-ID") == ["1"]
    assert message.get("Via") is None
    assert message.values("Via") == []


# RFC 4475, the valid ones: what each was made to show


def test_wsinv_white_space_folding_and_case():
    message = checked("rfc4475/valid/wsinv.dat")
    assert (message.method, message.uri) == (
        "INVITE",
        "sip:vivekg@chair-dnrc.example.com;unknownparam",
    )
    assert message.address("To").uri == "sip:vivekg@chair-dnrc.example.com"
    assert message.tag("To") == "1918181833n"
    assert message.address("From").display == 'J Rosenberg \\"'
    assert message.tag("From") == "98asjd8"
    assert message.get("Max-Forwards") == "0068"
    assert message.cseq() == (9, "INVITE")
    vias = [header.via(value) for value in message.values("Via")]
    assert [(via.transport, via.host, via.params["branch"]) for via in vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert message.get("Subject") == ""
    assert message.get("NewFangledHeader").split() == [
        "newfangled",
        "value",
        "continued",
        "newfangled",
        "value",
    ]
    assert message.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    route = uri.parse(message.address("Route").uri)
    assert route.params == {"lr": None, "unknownwith": "value", "unknown-no-value": None}
    contact = message.address("Contact")
    assert (contact.display, contact.uri) == ('Quoted string ""', "sip:jdrosen@example.com")
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(message.body) == 150


def test_intmeth_every_character_that_a_token_may_have():
    message = checked("rfc4475/valid/intmeth.dat")
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.method == method
    assert message.cseq() == (139122385, method)
    assert message.via().params["branch"] == "z9hG4bK-.!%66*_+`'~"
    assert message.address("To").display == "BEL:\x07 NUL:\0 DEL:\x7f"
    sender = message.address("From")
    assert (sender.display, sender.uri) == (
        "token1~` token2'+_ token3*%!.-",
        "sip:mundane@example.com",
    )
    assert (
        sender.params["fromparam''~+*_!.-%"]
        == "\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439"
    )
    assert message.tag("From") == "_token~1'+`*%!-."
    assert message.get("Call-ID") == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.get("extensionHeader-!.%*+_`'~") == "\ufeff\u5927\u505c\u96fb"


def test_esc01_escapes_in_uris():
    message = checked("rfc4475/valid/esc01.dat")
    target = uri.parse(message.uri)
    assert uri.unescape(target.user) == "sips:user@example.com"
    assert target.host == "example.net"
    assert same_uri(uri.parse(message.address("To").uri), uri.parse("sip:user@example.com"))
    assert uri.unescape(uri.parse(message.address("From").uri).user) == "I have spaces"
    assert uri.parse(message.address("Contact").uri).params["lr"] is None


def test_esc02_escapes_that_are_none():
    message = checked("rfc4475/valid/esc02.dat")
    assert message.method == "RE%47IST%45R"
    assert message.address("To").display == "%Z%45"
    assert [header.address(value).uri for value in message.values("Contact")] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]


def test_escnull_null_characters_in_uris():
    message = checked("rfc4475/valid/escnull.dat")
    users = [uri.parse(header.address(value).uri).user for value in message.values("Contact")]
    assert [uri.unescape(user) for user in users] == ["\0", "\0\0"]
    assert uri.unescape(uri.parse(message.address("To").uri).user) == "null-\0-null"


def test_lwsdisp_no_space_before_the_bracket():
    address = checked("rfc4475/valid/lwsdisp.dat").address("From")
    assert (address.display, address.uri, address.params) == (
        "caller",
        "sip:caller@example.com",
        {"tag": "323"},
    )


def test_longreq_long_values():
    message = checked("rfc4475/valid/longreq.dat")
    assert len(message.values("Via")) == 34
    assert (message.tag("From")[:6], message.tag("From")[-6:]) == ("129829", "982424")
    assert uri.parse(message.address("To").uri).port == 6000
    assert message.address("To").display.endswith(" proportion")
    assert len(message.body) == 150


def test_dblreq_what_follows_the_body_is_not_its():
    message = checked("rfc4475/valid/dblreq.dat")
    assert (message.method, message.body) == ("REGISTER", b"")


def test_semiuri_a_semicolon_in_the_user_part():
    target = uri.parse(checked("rfc4475/valid/semiuri.dat").uri)
    assert (target.user, target.host) == ("user;par=u%40example.net", "example.com")
    assert uri.unescape(target.user) == "user;par=u@example.net"


def test_transports_known_and_unknown():
    message = checked("rfc4475/valid/transports.dat")
    found = [header.via(value).transport for value in message.values("Via")]
    assert found == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01_a_binary_body():
    message = checked("rfc4475/valid/mpart01.dat")
    assert len(message.body) == 553
    assert b"\0" in message.body or b"\x82" in message.body
    assert message.get("Content-Type") == "multipart/mixed;boundary=7a9cbec02ceef655"


def test_unreason_and_noreason_reason_phrases():
    message = checked("rfc4475/valid/unreason.dat")
    assert message.status == 200
    assert message.reason.startswith("= 2**3 * 5**2 \u043d\u043e")
    message = checked("rfc4475/valid/noreason.dat")
    assert (message.status, message.reason) == (100, "")


# RFC 4475, the others: a status, "dropped" (parse raises: nobody is answered), or 0 where what is wrong is
# for user agent, registrar or proxy to say


@pytest.mark.parametrize(
    "name, verdict",
    [
        ("invalid/badinv01.dat", 400),
        ("invalid/clerr.dat", 400),
        ("invalid/ncl.dat", 400),
        ("invalid/scalar02.dat", 400),
        ("invalid/scalarlg.dat", 400),  # a response: dropped by whoever checks it
        ("invalid/quotbal.dat", 400),
        ("invalid/ltgtruri.dat", 400),
        ("invalid/lwsruri.dat", 400),
        ("invalid/lwsstart.dat", 400),
        ("invalid/trws.dat", 0),
        ("invalid/escruri.dat", 400),
        ("invalid/baddate.dat", 0),
        ("invalid/regbadct.dat", 0),
        ("invalid/badaspec.dat", 0),
        (
            "invalid/baddn.dat",
            "dropped",
        ),  # ends before its empty line: an error of the RFC, whence baddn_fixed
        ("invalid/baddn_fixed.dat", 0),
        ("invalid/badvers.dat", 505),
        ("invalid/mismatch01.dat", 400),
        ("invalid/mismatch02.dat", 400),
        ("invalid/bigcode.dat", "dropped"),
        ("transaction/badbranch.dat", 0),
        ("application/insuf.dat", 400),
        ("application/unkscm.dat", 416),
        ("application/novelsc.dat", 416),
        ("application/unksm2.dat", 0),
        ("application/bext01.dat", 0),
        ("application/invut.dat", 0),
        ("application/regaut01.dat", 0),
        ("application/multi01.dat", 400),
        ("application/mcl01.dat", 400),
        ("application/bcast.dat", 0),
        ("application/zeromf.dat", 0),
        ("application/cparam01.dat", 0),
        ("application/cparam02.dat", 0),
        ("application/regescrt.dat", 0),
        ("application/sdp01.dat", 0),
        ("application/inv2543.dat", 0),
    ],
)
def test_verdicts_of_the_torture_tests(name, verdict):
    assert verdict_on(data_of("rfc4475/" + name)) == verdict


def verdict_on(data):
    try:
        message = messages.parse(data)
    except messages.MessageError:
        return "dropped"
    try:
        messages.check(message)
    except messages.MessageError as error:
        return error.status
    return 0


def test_every_message_of_the_torture_tests_that_is_wrong_can_be_answered():
    for name in names("rfc4475/invalid") + names("rfc4475/application"):
        if name.split("/")[2] in ("bigcode.dat", "baddn.dat"):
            continue
        message = parsed(name)
        response = messages.parse(messages.response_to(message, 400, "No", "t").encode())
        assert response.via().host == message.via().host
        assert response.get("Call-ID") == message.get("Call-ID")


def test_addresses_that_are_badly_written_but_clear():
    message = checked("rfc4475/invalid/badaspec.dat")
    assert message.address("To").uri == "sip:t.watson@example.org"
    message = checked("rfc4475/invalid/baddn_fixed.dat")
    assert message.address("From").display == "Bell, Alexander"
    assert message.tag("From") == "43"


def test_parameters_of_an_address_without_brackets_are_the_headers():
    first = checked("rfc4475/application/cparam01.dat").address("Contact")
    second = checked("rfc4475/application/cparam02.dat").address("Contact")
    assert (first.uri, first.params) == ("sip:+19725552222@gw1.example.net", {"unknownparam": None})
    assert (second.uri, second.params) == ("sip:+19725552222@gw1.example.net;unknownparam", {})


def test_inv2543_needs_no_branch_and_no_tag():
    message = checked("rfc4475/application/inv2543.dat")
    assert message.via().params == {}
    assert message.tag("From") == ""
    assert message.body.startswith(b"v=0")


# RFC 5118


@pytest.mark.parametrize("name", names("rfc5118"))
def test_verdicts_on_ipv6(name):
    refused = (
        "ipv6-bad.dat",
        "ipv6-bug-abnf-3-colons.dat",
        "ipv6-in-sdp.dat",
    )  # the last: its length
    assert verdict_on(data_of(name)) == (400 if name.split("/")[1] in refused else 0)


def test_ipv6_literals():
    target = uri.parse(checked("rfc5118/port-ambiguous.dat").uri)
    assert (target.host, target.port) == ("[2001:db8::10:5070]", 0)
    target = uri.parse(checked("rfc5118/port-unambiguous.dat").uri)
    assert (target.host, target.port) == ("[2001:db8::10]", 5070)
    for end, received in (("no", "2001:db8::9:255"), ("with", "[2001:db8::9:255]")):
        via = checked("rfc5118/via-received-param-" + end + "-delim.dat").via()
        assert via.params["received"] == received
    vias = [header.via(v) for v in checked("rfc5118/mult-ip-in-header.dat").values("Via")]
    assert [(via.host, via.port) for via in vias] == [
        ("[2001:db8::9:1]", 6050),
        ("192.0.2.1", 0),
        ("[2001:db8::9:255]", 0),
    ]
    contact = checked("rfc5118/fixedlen_ipv4-mapped-ipv6.dat").address("Contact")
    assert uri.parse(contact.uri).host == "[::ffff:192.0.2.2]"


# Odds and ends of the wire


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\n", b"\r\n" * 4000])
def test_a_keep_alive_is_no_message(data):
    assert messages.parse(data) is None


def test_empty_lines_before_a_message_are_skipped():
    assert messages.parse(b"\r\n\r\n" + request()).method == "INVITE"


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"\0\0\0\0",
        b"jaK",
        b"INVITE sip:h\r\n\r\n",
        b"INVITE sip:h HTTP/1.1\r\n\r\n",
        b"INVITE  SIP/2.0\r\n\r\n",
        b" sip:h SIP/2.0\r\n\r\n",
        b"INVITESIP/2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SIP/2.0 200OK\r\n\r\n",
        b"SIP/2.0 20\r\n\r\n",
        b"SIP/2.0 99 x\r\n\r\n",
        b"SIP/2.0 099 x\r\n\r\n",
        b"SIP/2.0 700 x\r\n\r\n",
        b"SIP/2.0 2000 x\r\n\r\n",
        b"SIP/2.0 +20 x\r\n\r\n",
        "SIP/2.0 20\u00b2 x\r\n\r\n".encode(),
        "SIP/2.0 \u0662\u0660\u0660 x\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        request().replace(b"\r\n", b"\n"),
        request("Subject: a\nEvil: b"),
        request("Subject: a\rEvil: b"),
    ],
)
def test_what_is_no_sip_message_is_dropped(data):
    assert verdict_on(data) == "dropped"


def test_the_limits():
    fill = messages.MAX_BYTES - len(request("Subject: ")) - 1
    assert verdict_on(request("Subject: " + "x" * fill)) == 0
    assert verdict_on(request("Subject: " + "x" * (fill + 2))) == "dropped"
    assert verdict_on(request(*["A: b"] * (messages.MAX_HEADERS - 5))) == 0
    assert verdict_on(request(*["A: b"] * (messages.MAX_HEADERS - 4))) == "dropped"
    assert verdict_on(request("A: " + "," * (messages.MAX_PARTS - 2))) == 0
    assert verdict_on(request("A: " + ";" * (messages.MAX_PARTS - 1))) == "dropped"
    assert verdict_on(request(body=b"," * 4000)) == 0


def test_a_message_that_was_cut_short_is_dropped():
    data = request()
    for end in range(1, len(data)):
        assert verdict_on(data[:end]) == "dropped"


@pytest.mark.parametrize("line", ["No colon", ": no name", "Two words: x", "Tab\tin: x", "\u00a0"])
def test_a_message_whose_fields_cannot_be_told_apart_is_dropped(line):
    assert verdict_on(request(line)) == "dropped"


@pytest.mark.parametrize(
    "old, new, status",
    [
        ("Call-ID: 1", "Call-ID:", 400),
        ("Call-ID: 1\r\n", "", 400),
        ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", "", 400),
        ("Via:", "Via: SIP/2.0/UDP 192.0.2.2,", 0),
        ("Via:", "Via: SIP/2.0/UDP 192.0.2.2,,", 400),
        ("Via:", "Via: SIP/2.0/UDP 192.0.2.2\r\nVia: nonsense\r\nv:", 400),
        ("From: <sip:a@h>;tag=1", "From:", 400),
        ("To: <sip:b@h>", "To: nobody", 400),
        ("To: <sip:b@h>", "To: <sip:b@h>\r\nt: <sip:c@h>", 400),
        ("To: <sip:b@h>", "To: <sip:b@h>, <sip:c@h>", 400),
        ("CSeq: 1 INVITE", "CSeq: 1 invite", 400),
        ("CSeq: 1 INVITE", "CSeq: 1", 400),
        ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nContent-Length: \u00b2", 400),
        ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nContent-Length:", 400),
        ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nContent-Length: +0", 400),
        ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nContent-Length: 0000000000", 0),
        ("CSeq: 1 INVITE", "CSeq: 1 INVITE\r\nl: 0\r\nContent-Length: 0", 400),
        ("SIP/2.0\r\n", "SIP/2.1\r\n", 505),
        ("SIP/2.0\r\n", "sip/2.0  \r\n", 0),
        ("sip:door@", "tel:+1;x=", 416),
        ("sip:door@", "sip:door@@", 400),
        ("sip:door@", "sip:do or@", 400),
        ("192.0.2.9 ", "192.0.2.9;transport=udp ", 0),
    ],
)
def test_what_check_says(old, new, status):
    data = request().decode()
    assert old in data
    assert verdict_on(data.replace(old, new, 1).encode()) == status


def test_padding_after_the_body_is_cut_and_without_a_length_all_is_body():
    message = messages.parse(request("Content-Length: 3", body=b"abcdef\r\n"))
    messages.check(message)
    assert message.body == b"abc"
    message = messages.parse(request(body=b"abcdef\r\n"))
    messages.check(message)
    assert message.body == b"abcdef\r\n"


def test_bytes_that_are_no_utf8_are_understood_and_leave_as_utf8():
    """RFC 3261 section 7 has UTF-8 only; a phone with another character set must still be able to call."""
    message = messages.parse(request("Subject: J\u00fcrgen").replace(b"\xc3\xbc", b"\xfc"))
    messages.check(message)
    assert message.get("Subject") == "J\u00fcrgen"
    assert "Subject: J\u00fcrgen\r\n".encode() in message.encode()


def test_separators_inside_quotes_and_brackets_separate_nothing():
    value = '"A, B; <c> \\" d" <sip:a;b,c@h>;x="1;2,3", <sip:e@h>;tag=4'
    message = messages.parse(request("Contact: " + value))
    first, second = [header.address(part) for part in message.values("Contact")]
    assert (first.display, first.uri, first.params) == (
        'A, B; <c> " d',
        "sip:a;b,c@h",
        {"x": "1;2,3"},
    )
    assert (second.uri, second.params) == ("sip:e@h", {"tag": "4"})


# What we write


def test_a_request_byte_for_byte():
    message = messages.Message("OPTIONS", "sip:bob@biloxi.com")
    message.add("Max-Forwards", 70).add("To", header.Address("sip:bob@biloxi.com", 'B "b"'))
    message.add("Content-Length", 99)
    message.body = b"hi"
    message.put_first("Via", [header.Via("UDP", "192.0.2.1", 5060, {"branch": "z9hG4bK1"})])
    assert message.encode() == (
        b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
        b"Max-Forwards: 70\r\n"
        b'To: "B \\"b\\"" <sip:bob@biloxi.com>\r\n'
        b"Content-Length: 2\r\n"
        b"\r\n"
        b"hi"
    )


def test_a_response_has_what_its_request_has():
    wire = messages.parse(
        request("v: SIP/2.0/TCP p.example.com;branch=z9hG4bK0", "Record-Route: <sip:p;lr>", "X: y")
    )
    response = messages.response_to(wire, 180, "", "tag2")
    assert response.encode() == (
        b"SIP/2.0 180 Ringing\r\n"
        b"Via: SIP/2.0/TCP p.example.com;branch=z9hG4bK0\r\n"
        b"Record-Route: <sip:p;lr>\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        b"From: <sip:a@h>;tag=1\r\n"
        b"To: <sip:b@h>;tag=tag2\r\n"
        b"Call-ID: 1\r\n"
        b"CSeq: 1 INVITE\r\n"
        b"Content-Length: 0\r\n"
        b"\r\n"
    )
    assert messages.response_to(wire, 486).get("Record-Route") is None
    assert messages.response_to(wire, 299).reason == ""


@pytest.mark.parametrize(
    "to, tag",
    [
        ("<sip:b@h>", "new"),
        ("<sip:b@h>;tag=old", "old"),
        ("<sip:b@h>  ;  TAG  = old", "old"),
        ("sip:b@h;tag=old", "old"),
        ("<sip:b@h;tag=uri>", "new"),
        ('"x;tag=y" <sip:b@h>', "new"),
    ],
)
def test_a_response_puts_its_tag_only_where_there_is_none(to, tag):
    wire = messages.parse(request().replace(b"<sip:b@h>", to.encode()))
    response = messages.response_to(wire, 200, "", "new")
    assert messages.parse(response.encode()).tag("To") == tag


def test_a_505_finds_its_way_back():
    message = parsed("rfc4475/invalid/badvers.dat")
    with pytest.raises(messages.MessageError) as raised:
        messages.check(message)
    error = raised.value
    response = messages.parse(messages.response_to(message, error.status, error.why, "t").encode())
    assert (response.status, response.reason) == (505, "Version Not Supported")
    assert (response.via().host, response.via().params) == (
        "c.example.com",
        {"branch": "z9hG4bKkdjuw"},
    )


def test_a_to_that_nobody_understands_is_given_back_as_it_was():
    wire = messages.parse(request().replace(b"<sip:b@h>", b'"b <sip:b@h>'))
    assert messages.response_to(wire, 400, "", "new").get("To") == '"b <sip:b@h>'


def test_an_ack_has_the_top_via_the_route_and_the_from_of_its_invite():
    data = request("Via: SIP/2.0/UDP first, SIP/2.0/UDP second", "Route: <sip:p1;lr>,<sip:p2;lr>")
    data = data.replace(b"From: <sip:a@h>", b"From: Doe, Jo <sip:a@h>")
    ack = messages.derived(messages.parse(data), "ACK")
    assert ack.encode() == (
        b"ACK sip:door@192.0.2.9 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP first\r\n"
        b"Max-Forwards: 70\r\n"
        b"Route: <sip:p1;lr>,<sip:p2;lr>\r\n"
        b"From: Doe, Jo <sip:a@h>;tag=1\r\n"
        b"Call-ID: 1\r\n"
        b"CSeq: 1 ACK\r\n"
        b"Content-Length: 0\r\n"
        b"\r\n"
    )


# Hostile input


def everything_asked(message):
    """Ask a message for all that any part of the door asks."""
    for ask in (message.via, message.cseq, message.encode):
        attempt(messages.MessageError, ask)
    for name in ("From", "To", "Contact", "Route", "Refer-To"):
        attempt(messages.MessageError, message.address, name)
        attempt(messages.MessageError, message.tag, name)
    attempt(messages.MessageError, messages.check, message)
    for name, value in list(message.headers):
        message.values(name)
        for parser in (header.address, header.via, header.cseq, header.tag):
            attempt(ValueError, parser, value)
        for part in header.split(value):
            address = attempt(ValueError, header.address, part)
            if address:
                str(address)
                parsed_uri = attempt(ValueError, uri.parse, address.uri)
                if parsed_uri:
                    str(parsed_uri)
                    uri.unescape(str(parsed_uri))
                    parsed_uri.hop()
                    assert same_uri(parsed_uri, parsed_uri)
    if not message.status:
        messages.response_to(message, 400, "", "t").encode()
    message.remove("From")
    message.put_first("Via", message.values("Via"))


def attempt(error, function, *arguments):
    try:
        return function(*arguments)
    except error:
        return None


_SPICE = (
    b"\r\n",
    b"\r\n ",
    b'"',
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b"=",
    b"%",
    b"%00",
    b"@",
    b":",
    b"[",
)
_SPICE += (
    b"]",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xc2\xb2",
    b"/",
    b" ",
    b"\t",
    b"?",
    b"9" * 12,
    b"-",
    b"::",
)


def mutated(data):
    data = bytearray(data)
    for _ in range(random.randrange(1, 6)):
        place = random.randrange(len(data) + 1)
        what = random.randrange(5)
        if what == 0:
            data = data[:place] + _SPICE[random.randrange(len(_SPICE))] + data[place:]
        elif what == 1:
            data = data[:place] + data[place + random.randrange(1, 30) :]
        elif what == 2 and place < len(data):
            data[place] = random.randrange(256)
        elif what == 3:
            end = place + random.randrange(1, 60)
            data = data[:place] + data[place:end] + data[place:end] + data[end:]
        else:
            data = data[: max(place, len(data) - 300)]
    return bytes(data)


def test_whatever_the_network_does_to_a_message_nothing_but_a_message_error_comes_of_it():
    random.seed(20250)
    corpus = []
    for folder in _FOLDERS:
        corpus.extend([name for name in names(folder) if len(data_of(name)) < 2500])
    rounds = 6000 if sys.implementation.name == "cpython" else 400
    understood = 0
    for _ in range(rounds):
        data = mutated(data_of(corpus[random.randrange(len(corpus))]))
        try:
            message = messages.parse(data)
        except messages.MessageError:
            continue
        if message:
            understood += 1
            everything_asked(message)
    assert understood > rounds // 3


@pytest.mark.parametrize(
    "value",
    [
        "<" * 8000,
        '"' * 8000,
        "\\" * 8000,
        '"' + "\\" * 7999,
        "%41" * 2600,
        "%" * 8000,
        ":" * 8000,
        "/" * 8000,
        "a " * 4000,
        ";" * 255,
        "," * 255,
        '"",' * 255,
        "<>," * 255,
        "<sip:" + "%41" * 2000 + "@h>;" + "x;" * 200,
        "SIP/2.0/UDP " + "h:" * 3000,
        "\u00e4" * 3500,
    ],
)
def test_a_message_made_to_cost_much_costs_little(value):
    """Under MicroPython in its 1 MB; and no step of the work may be repeated for each byte."""
    for name in ("From", "Via", "Contact", "CSeq", "X"):
        data = request(name + ": " + value)[: messages.MAX_BYTES - 4] + b"\r\n\r\n"
        message = attempt(messages.MessageError, messages.parse, data)
        if message:
            everything_asked(message)


def test_folding_made_to_cost_much_costs_little():
    data = request("Subject:" + "\r\n x" * 1900)
    assert messages.parse(data).get("Subject") == "x " * 1899 + "x"
