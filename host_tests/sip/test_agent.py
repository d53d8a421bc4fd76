"""agent: what is answered to whom, and that nobody can make it stumble or grow."""

import pytest

from host_tests.names import Names
from host_tests.sip.world import OFFER, World

HEAP = "2M"


def scene():
    world = World()
    return world, world.handset("door"), world.peer()


def talking():
    """A scene with an established call from the peer; and the 200 that made it."""
    world, door, peer = scene()
    door.manner = [("answer", 0)]
    peer.say(peer.request("INVITE", body=OFFER), door)
    answer = peer.last("200 INVITE")
    peer.say(peer.within(answer, "ACK", 1), door)
    return world, door, peer, answer


def test_an_unknown_method_is_a_405_that_lists_the_known_ones():
    world, door, peer = scene()
    peer.say(peer.request("PUBLISH"), door)
    assert peer.labels() == ["405 PUBLISH"]
    assert peer.heard[0].get("Allow") == "BYE, CANCEL, INVITE, OPTIONS, ACK"
    world.rest()


def test_an_extension_answers_the_method_that_it_added():
    world, door, peer, answer = talking()
    seen = []
    respond = door.agent._on_options
    door.agent.methods["MESSAGE"] = lambda transaction, request, call: (
        seen.append(call),
        respond(transaction, request, call),
    )
    peer.say(peer.request("MESSAGE", headers=[("Call-ID", "other")]), door)
    peer.say(peer.within(answer, "MESSAGE", 2), door)
    assert peer.labels()[-2:] == ["200 MESSAGE"] * 2 and seen == [None, door.calls[0]]
    assert "MESSAGE" in peer.heard[-1].get("Allow")
    door.hang_up()
    world.rest()


def test_a_required_extension_that_we_lack_is_a_420_that_names_it():
    world, door, peer = scene()
    door.agent.supported.append("timer")
    peer.say(peer.request("INVITE", headers=[("Require", "100rel, timer, x")]), door)
    assert peer.labels() == ["420 INVITE"] and peer.heard[0].get("Unsupported") == "100rel, x"
    assert door.story == []
    peer.say(peer.request("OPTIONS", headers=[("Require", "timer")]), door)
    assert peer.heard[-1].status == 200 and peer.heard[-1].get("Supported") == "timer"
    world.rest()


@pytest.mark.parametrize("method", ["BYE", "INVITE", "OPTIONS"])
def test_a_request_in_an_unknown_dialog_is_a_481(method):
    world, door, peer = scene()
    peer.say(peer.request(method, headers=[("To", "<sip:door@x>;tag=gone")]), door)
    assert peer.labels() == ["481 " + method]
    world.rest()


def test_a_bye_without_dialog_and_a_cancel_without_invite_are_a_481():
    world, door, peer = scene()
    peer.say(peer.request("BYE"), door)
    peer.say(peer.request("CANCEL"), door)
    assert peer.labels() == ["481 BYE", "481 CANCEL"]
    world.rest()


@pytest.mark.parametrize(
    "change",
    [
        [("Call-ID", "call-of-10.0.2.10")],
        [("From", "<sip:peer@10.0.2.1>;tag=pee")],
        [("From", "<sip:peer@10.0.2.1>;tag=peer2")],
        [("From", "<sip:peer@10.0.2.1>")],
        [("To", "<sip:door@10.0.1.1>;tag=other")],
    ],
)
def test_a_dialog_is_recognised_by_all_three_of_its_parts(change):
    world, door, peer, answer = talking()
    given = [name for name, _ in change]
    own = [("To", answer.get("To"))] if "To" not in given else []
    peer.say(peer.request("BYE", headers=own + change, cseq=2), door)
    assert peer.labels()[-1] == "481 BYE" and door.calls[0].state == Names("sip/call").ESTABLISHED
    door.hang_up()
    world.rest()


def test_a_lower_cseq_in_a_dialog_is_a_500_and_the_call_goes_on():
    world, door, peer, answer = talking()
    peer.say(peer.within(answer, "OPTIONS", 5), door)
    peer.say(peer.within(answer, "BYE", 4), door)
    assert peer.labels()[-2:] == ["200 OPTIONS", "500 BYE"]
    assert door.calls[0].state == Names("sip/call").ESTABLISHED
    peer.say(peer.within(answer, "BYE", 6), door)
    assert peer.labels()[-1] == "200 BYE"
    world.rest()


def test_options_is_answered_in_and_out_of_a_call():
    world, door, peer, answer = talking()
    peer.say(peer.request("OPTIONS", headers=[("Call-ID", "other")]), door)
    out = peer.heard[-1]
    peer.say(peer.within(answer, "OPTIONS", 2), door)
    for response in (out, peer.heard[-1]):
        assert response.status == 200 and response.get("Accept") == "application/sdp"
        assert "INVITE" in response.get("Allow") and response.tag("To")
    assert peer.heard[-1].get("To") == answer.get("To")
    door.hang_up()
    world.rest()


def test_an_offer_within_the_call_is_answered_and_moves_the_target():
    world, door, peer, answer = talking()
    moved = [("Contact", "<sip:moved@10.0.2.1>")]
    offer = peer.within(answer, "INVITE", 2, moved)
    peer.say(offer, door)
    assert peer.labels()[-1] == "200 INVITE" and peer.heard[-1].body == b"v=0 answer\r\n"
    peer.say(peer.within(answer, "ACK", 2), door)
    world.run(1000)
    assert peer.labels()[-1] == "200 INVITE"  # the ACK ended its repetition
    door.hang_up()
    world.run(20)
    assert peer.last("BYE").uri == "sip:moved@10.0.2.1"
    world.rest()


def test_a_refused_offer_within_the_call_leaves_it_as_it_was():
    world, door, peer, answer = talking()
    door.manner_within = "488"
    offer = peer.within(answer, "INVITE", 2)
    peer.say(offer, door)
    assert peer.labels()[-1] == "488 INVITE"
    peer.say(peer.within(answer, "ACK", 2, [("Via", offer.get("Via"))]), door)
    peer.say(peer.within(answer, "BYE", 3), door)
    assert door.story == ["incoming", "reoffered", "ended remote 0"]
    world.rest()


def test_an_offer_before_the_ack_of_the_last_one_is_a_491():
    world, door, peer, answer = talking()
    peer.say(peer.within(answer, "INVITE", 2), door)
    late = peer.within(answer, "INVITE", 3)
    peer.say(late, door)
    assert peer.labels()[-1] == "491 INVITE" and door.story == ["incoming", "reoffered"]
    world.rest()


def test_a_call_whose_offer_within_is_never_acknowledged_ends():
    world, door, peer, answer = talking()
    peer.say(peer.within(answer, "INVITE", 2), door)
    world.run(32500)
    peer.answer(peer.last("BYE"), 200, door)
    assert door.story == ["incoming", "reoffered", "ended no ack 0"]
    world.rest()


def test_an_invite_that_comes_by_two_ways_rings_once():
    world, door, peer = scene()
    peer.say(peer.request("INVITE"), door)
    peer.say(peer.request("INVITE"), door)
    assert peer.labels()[-1] == "482 INVITE" and door.story == ["incoming"]
    door.hang_up()
    world.rest()


def test_a_uri_that_is_not_sip_is_a_416_and_one_that_is_none_a_400():
    world, door, peer = scene()
    for target in ("tel:+4930", "sip:", "door", "sip:door@:5060"):
        peer.say(peer.request("INVITE", target, headers=[("To", "<sip:x@y>")]), door)
    assert [message.status for message in peer.heard] == [416, 400, 400, 400]
    world.rest()


@pytest.mark.parametrize(
    "header",
    [
        ("Contact", "<<"),
        ("Contact", "<mailto:peer@x>"),
        ("Contact", "<sip:peer@x:port>"),
        ("Record-Route", "<sip:proxy:99999;lr>"),
        ("Record-Route", "nonsense"),
        ("Record-Route", "<sip:proxy"),
    ],
)
def test_an_invite_whose_way_back_leads_nowhere_is_refused_and_leaves_nothing(header):
    world, door, peer = scene()
    peer.say(peer.request("INVITE", headers=[header], body=OFFER), door)
    assert peer.heard[-1].status in (400, 416) and len(peer.heard) == 1
    assert door.story == [] and door.agent.calls == []
    world.rest()


def test_an_invite_without_contact_is_called_back_at_its_from():
    world, door, peer = scene()
    door.manner = [("answer", 0)]
    peer.say(peer.request("INVITE", leave=["Contact"]), door)
    peer.say(peer.within(peer.last("200 INVITE"), "ACK", 1), door)
    door.hang_up()
    world.run(20)
    assert peer.last("BYE").uri == "sip:peer@10.0.2.1"
    world.rest()


def test_beyond_the_most_calls_comes_a_503_and_a_freed_place_is_taken():
    world, door, peer = scene()
    door.manner = []
    for number in range(10):
        peer.say(peer.request("INVITE", headers=[("Call-ID", "c%d" % number)]), door)
    statuses = [message.status for message in peer.heard if message.status != 100]
    assert statuses == [503, 503] and len(door.agent.calls) == 8
    door.calls[0].end(world.clock())
    peer.say(peer.request("INVITE", headers=[("Call-ID", "one more")]), door)
    assert len(door.story) == 10 and len(door.agent.calls) == 8
    for call in list(door.agent.calls):
        call.end(world.clock())
    world.rest()


def test_the_uri_to_call_must_be_one():
    world, door, peer = scene()
    with pytest.raises(ValueError):
        door.agent.invite(door.account, "nobody", OFFER, 0)
    assert door.agent.calls == [] and door.outbox == []


def test_an_ack_out_of_the_blue_is_nothing():
    world, door, peer = scene()
    peer.say(peer.request("ACK"), door)
    peer.say(peer.request("ACK", headers=[("To", "<sip:door@x>;tag=y")]), door)
    assert peer.heard == []
    world.rest()


def test_a_call_takes_the_record_routes_of_both_sides_in_their_order():
    routes = [("Record-Route", "<sip:10.0.2.1;lr;n=1>, <sip:p2;lr>"), ("Record-Route", "<sip:p3>")]
    world, door, peer = scene()
    door.manner = [("answer", 0)]
    peer.say(peer.request("INVITE", headers=routes), door)
    answer = peer.last("200 INVITE")
    assert answer.values("Record-Route") == ["<sip:10.0.2.1;lr;n=1>", "<sip:p2;lr>", "<sip:p3>"]
    peer.say(peer.within(answer, "ACK", 1), door)
    door.hang_up()
    world.run(20)
    bye = peer.last("BYE")
    assert bye.values("Route") == ["<sip:10.0.2.1;lr;n=1>", "<sip:p2;lr>", "<sip:p3>"]
    assert bye.uri == "sip:peer@10.0.2.1:5060"
    door.call(peer)
    world.run(20)
    route = ("Record-Route", "<sip:p3>, <sip:p2;lr>, <sip:10.0.2.1;lr>")
    peer.answer(peer.last("INVITE"), 200, door, headers=[route])
    assert peer.last("ACK").values("Route") == ["<sip:10.0.2.1;lr>", "<sip:p2;lr>", "<sip:p3>"]
    door.hang_up()
    world.rest()


def test_several_vias_come_back_as_they_were():
    world, door, peer = scene()
    vias = [
        ("Via", "SIP/2.0/UDP 10.0.2.1;branch=z9hG4bKa;rport"),
        (
            "Via",
            "SIP/2.0/UDP p1;branch=z9hG4bKb , SIP/2.0/TCP p2:99;branch=z9hG4bKc;received=1.2.3.4",
        ),
    ]
    peer.say(peer.request("OPTIONS", headers=vias), door)
    top, *others = peer.heard[0].values("Via")
    assert top.startswith("SIP/2.0/UDP 10.0.2.1;") and "rport=5060" in top
    assert "received=10.0.2.1" in top
    assert others == [
        "SIP/2.0/UDP p1;branch=z9hG4bKb",
        "SIP/2.0/TCP p2:99;branch=z9hG4bKc;received=1.2.3.4",
    ]
    world.rest()
