"""dialog: whom a request inside one goes to, by which way, and under which number."""

import pytest
from sip.dialog import Dialog, of_callee, of_caller
from sip.message import Message, response_to

HOP = ("UDP", "10.0.0.1", 5070)


def dialog(routes=(), target="sip:201@10.0.0.7:5062", cseq=1):
    sides = ("call", "<sip:door@x>;tag=near", '"Anna;tag=no" <sip:201@x>;tag=far')
    return Dialog(*sides, target, list(routes), cseq, 0)


def invite():
    message = Message("INVITE", "sip:201@pbx.example")
    message.add("Via", "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1")
    message.add("From", "<sip:door@x>;tag=near").add("To", "<sip:201@x>")
    return message.add("Call-ID", "call").add("CSeq", "7 INVITE")


def test_a_request_goes_to_the_target_with_the_next_number():
    made = dialog()
    message, hop = made.request("BYE")
    assert message.uri == "sip:201@10.0.0.7:5062" and hop == ("UDP", "10.0.0.7", 5062)
    assert message.get("CSeq") == "2 BYE" and message.get("Call-ID") == "call"
    assert message.get("From") == made.local and message.get("To") == made.remote
    assert message.values("Route") == [] and message.get("Max-Forwards") == "70"
    assert made.request("INFO")[0].get("CSeq") == "3 INFO"
    assert made.request("ACK", 1)[0].get("CSeq") == "1 ACK"
    assert made.request("BYE")[0].get("CSeq") == "4 BYE"


def test_a_loose_router_is_gone_through_with_the_target_in_the_request_uri():
    message, hop = dialog(["<sip:p1.x:5070;lr>", "<sip:p2.x>"]).request("BYE")
    assert message.uri == "sip:201@10.0.0.7:5062" and hop == ("UDP", "p1.x", 5070)
    assert message.values("Route") == ["<sip:p1.x:5070;lr>", "<sip:p2.x>"]


def test_a_strict_router_gets_the_request_uri_and_the_target_comes_last():
    message, hop = dialog(["<sip:p1.x:5070>", "<sip:p2.x;lr>"]).request("BYE")
    assert message.uri == "sip:p1.x:5070" and hop == ("UDP", "p1.x", 5070)
    assert message.values("Route") == ["<sip:p2.x;lr>", "<sip:201@10.0.0.7:5062>"]


def test_the_caller_takes_the_routes_in_reverse_and_the_callee_as_they_are():
    request = invite().add("Contact", "<sip:door@10.0.0.9>")
    request.add("Record-Route", "<sip:a;lr>, <sip:b;lr>")
    response = response_to(request, 200, "", "far").add("Contact", "<sip:201@10.0.0.7>")
    caller = of_caller(request, response, HOP)
    assert caller.routes == ["<sip:b;lr>", "<sip:a;lr>"] and caller.target == "sip:201@10.0.0.7"
    assert (caller.local_tag, caller.remote_tag, caller.local_cseq) == ("near", "far", 7)
    callee = of_callee(request, "far")
    assert callee.routes == ["<sip:a;lr>", "<sip:b;lr>"] and callee.target == "sip:door@10.0.0.9"
    assert (callee.local_tag, callee.remote_tag, callee.remote_cseq) == ("far", "near", 7)
    assert callee.matches("call", "far", "near") and caller.matches("call", "near", "far")


def test_a_dialog_is_recognised_by_whole_tags():
    made = dialog()
    assert made.matches("call", "near", "far")
    for parts in (("cal", "near", "far"), ("call", "nea", "far"), ("call", "near", "fa")):
        assert not made.matches(*parts)
    assert not made.matches("call", "near", "") and not made.matches("call", "near", "no")


def test_a_peer_without_tags_is_recognised_by_having_none():
    request = invite()
    request.remove("From")
    callee = of_callee(request.add("From", "sip:door@x"), "far")
    assert callee.matches("call", "far", "") and not callee.matches("call", "far", "near")


@pytest.mark.parametrize("contact", [None, "<mailto:x@y>", "<sip:>", "<<", "*", "<tel:+1>"])
def test_an_answer_that_leads_nowhere_is_followed_where_the_invite_went(contact):
    response = response_to(invite(), 200, "", "far")
    if contact:
        response.add("Contact", contact)
    message, hop = of_caller(invite(), response, HOP).request("BYE")
    assert message.uri == "sip:201@pbx.example" and hop == HOP


@pytest.mark.parametrize("contact", ["<mailto:x@y>", "<sip:>", "<<", "*", "<tel:+1>"])
def test_a_request_that_leads_nowhere_makes_no_dialog(contact):
    with pytest.raises(ValueError):
        of_callee(invite().add("Contact", contact), "far")


def test_a_route_that_leads_nowhere_makes_no_dialog():
    with pytest.raises(ValueError):
        dialog(["<sip:p1:99999;lr>"])
