"""call: both sides of a call, against a scripted peer, an own kind, and a network that loses things."""

import pytest
from sip import call as c
from sip.agent import Agent

from host_tests.names import Names, rows
from host_tests.sip.world import ANSWER, OFFER, World, is_ended

NAMES = Names("sip/call")

HEAP = "2M"
STATES = range(c.INVITING, NAMES.ENDED + 1)
EVENTS = range(NAMES.PROVISIONAL, NAMES.REINVITE + 1, 16)


def scene():
    """(world, handset "door", scripted peer)."""
    world = World()
    return world, world.handset("door"), world.peer()


def calling(status=None):
    """A scene in which the door calls the peer, which has answered with `status`; and the Call."""
    world, door, peer = scene()
    call = door.call(peer)
    world.run(20)
    if status:
        peer.answer(peer.heard[-1], status, door, body=ANSWER if status == 200 else b"")
    return world, door, peer, call


def called(manner=(("ring", 0),), **request):
    """A scene in which the peer calls the door; and the INVITE."""
    world, door, peer = scene()
    door.manner = list(manner)
    invite = peer.request("INVITE", body=OFFER, **request)
    peer.say(invite, door)
    return world, door, peer, invite


def ack_of(peer, response, cseq=1):
    return peer.within(response, "ACK", cseq)


# The table


def test_every_row_names_actions_that_exist_and_known_states():
    for state, event, actions, following in rows(c.MACHINE):
        assert state in STATES and following in STATES and event in EVENTS
        for action in actions:
            assert callable(getattr(c.Call, action)), action


def test_every_state_is_reached_and_every_state_leads_to_the_end():
    reached, ending = {c.INVITING, c.INCOMING}, {NAMES.ENDED}
    for _ in STATES:
        for state, _event, _actions, following in rows(c.MACHINE):
            if state in reached:
                reached.add(following)
            if following in ending:
                ending.add(state)
    assert reached == ending == set(STATES)


def test_every_way_to_the_end_reports_it_once():
    for state, _event, actions, following in rows(c.MACHINE):
        reports = [
            action
            for action in actions
            if action in ("report_ended", "report_refused", "report_remote_end")
        ]
        assert len(reports) == (1 if following == NAMES.ENDED != state else 0), (state, actions)


def test_every_pair_does_what_its_row_says_and_a_pair_without_row_changes_nothing():
    for state in STATES:
        for event in EVENTS:
            agent = Agent("10.0.0.9", 5060, World().random)
            call = c.Call(agent, None, "sip:201@pbx.example", state)
            agent.calls.append(call)
            row = c.MACHINE.get(state | event)
            noted = record(call, row[:-1] if row else ())
            call.handle(event)
            assert noted == (list(row[:-1]) if row else [])
            assert call.state == (row[-1] if row else state)
            assert agent.events == [] and agent.outbox == []
            assert (agent.calls == []) == (row is not None and row[-1] == NAMES.ENDED)


def record(call, actions):
    noted = []
    for action in actions:
        setattr(call, action, lambda action=action: noted.append(action))
    return noted


# Calling


def test_a_call_rings_is_answered_acknowledged_and_ended_here():
    world, door, peer, call = calling()
    invite = peer.last("INVITE")
    assert invite.body == OFFER and invite.get("Content-Type") == "application/sdp"
    assert invite.get("Contact") == "<sip:door@10.0.1.1:5060>" and invite.get("Allow")
    peer.answer(invite, 100, door, tag="")
    peer.answer(invite, 180, door)
    peer.answer(invite, 183, door, body=b"early")
    peer.answer(invite, 200, door, body=ANSWER)
    assert door.story == ["ringing 180", "ringing 183", "answered"]
    ack = peer.last("ACK")
    assert ack.uri == "sip:peer@10.0.2.1:5060" and ack.cseq()[0] == invite.cseq()[0]
    assert ack.tag("To") == "peer" and ack.tag("From") == invite.tag("From")
    assert ack.via().params["branch"] != invite.via().params["branch"]
    assert ack.get("Max-Forwards") == "70"
    door.hang_up()
    world.run(20)
    bye = peer.last("BYE")
    assert bye.cseq()[0] == 2 and door.story[-1] == "answered"
    peer.answer(bye, 200, door)
    assert door.story[-1] == "ended local 0" and is_ended(call)
    world.rest()


def test_a_call_is_ended_by_the_other_side():
    world, door, peer, call = calling(200)
    invite = peer.last("INVITE")
    sides = [("From", invite.get("To") + ";tag=peer"), ("To", invite.get("From"))]
    bye = peer.request("BYE", headers=sides + [("Call-ID", invite.get("Call-ID"))])
    peer.say(bye, door)
    assert peer.labels()[-1] == "200 BYE" and door.story == ["answered", "ended remote 0"]
    peer.say(bye, door)
    peer.say(peer.request("BYE", headers=sides + [("Call-ID", invite.get("Call-ID"))]), door)
    assert peer.labels()[-2:] == ["200 BYE", "481 BYE"]
    world.rest()


@pytest.mark.parametrize("status", [302, 404, 408, 480, 486, 488, 503, 600, 603])
def test_a_refusal_is_acknowledged_and_reported_with_its_status(status):
    world, door, peer, call = calling(180)
    peer.answer(peer.last("INVITE"), status, door)
    assert peer.labels()[-1] == "ACK" and peer.last("ACK").tag("To") == "peer"
    assert door.story == ["ringing 180", "ended refused %d" % status]
    world.rest()


def test_a_phone_that_is_not_there_is_a_408_after_32_seconds():
    world, door, peer, call = calling()
    world.run(32000)
    assert door.story == ["ended refused 408"]
    world.rest()


@pytest.mark.parametrize("status", [100, 180])
def test_a_call_given_up_after_a_provisional_response_is_cancelled_at_once(status):
    world, door, peer, call = calling(status)
    invite = peer.last("INVITE")
    door.hang_up()
    door.hang_up()
    world.run(20)
    assert peer.labels().count("CANCEL") == 1
    cancel = peer.last("CANCEL")
    assert cancel.uri == invite.uri and cancel.cseq()[0] == invite.cseq()[0]
    assert cancel.get("Via") == invite.get("Via")
    peer.answer(cancel, 200, door)
    peer.answer(invite, 487, door)
    assert peer.labels()[-1] == "ACK" and door.story[-1] == "ended local 0"
    world.rest()


def test_a_call_given_up_before_any_response_is_cancelled_with_the_first():
    world, door, peer, call = calling()
    door.hang_up()
    world.run(400)
    assert "CANCEL" not in peer.labels()
    peer.answer(peer.last("INVITE"), 100, door)
    assert peer.labels()[-1] == "CANCEL"
    peer.answer(peer.last("CANCEL"), 481, door)
    peer.answer(peer.last("INVITE"), 487, door)
    assert door.story == ["ended local 0"]
    world.rest()


def test_cancel_that_crosses_the_200_ends_in_bye():
    world, door, peer, call = calling(180)
    invite = peer.last("INVITE")
    door.hang_up()
    peer.answer(invite, 200, door, body=ANSWER)
    assert peer.labels()[-3:] == ["CANCEL", "ACK", "BYE"]
    peer.answer(peer.last("CANCEL"), 481, door)
    peer.answer(peer.last("BYE"), 200, door)
    assert door.story == ["ringing 180", "ended local 0"]
    world.rest()


def test_a_200_to_a_call_given_up_before_any_response_ends_in_bye():
    world, door, peer, call = calling()
    door.hang_up()
    peer.answer(peer.last("INVITE"), 200, door, body=ANSWER)
    assert peer.labels()[-2:] == ["ACK", "BYE"]
    world.run(32100)
    assert door.story == ["ended local 0"]
    world.rest()


def test_a_cancelled_call_that_nobody_ends_is_given_up_after_32_seconds():
    world, door, peer, call = calling(180)
    door.hang_up()
    world.run(20)
    peer.answer(peer.last("CANCEL"), 200, door)
    world.run(31900)
    assert door.story == ["ringing 180"]
    world.run(100)
    assert door.story[-1] == "ended local 0"
    peer.answer(peer.last("INVITE"), 200, door)  # after we gave up: nobody knows it any more
    assert peer.labels()[-1] != "ACK"
    world.rest()


def test_a_challenge_that_crosses_the_giving_up_is_not_answered():
    world, door, peer, call = calling()
    door.hang_up()
    challenge = ("Proxy-Authenticate", 'Digest realm="r", nonce="n"')
    peer.answer(peer.last("INVITE"), 407, door, headers=[challenge])
    assert peer.labels() == ["INVITE", "ACK"] and door.story == ["ended local 0"]
    world.rest()


def test_a_challenged_invite_is_sent_again_and_its_ack_repeats_the_credentials():
    world, door, peer, call = calling()
    first = peer.last("INVITE")
    challenge = ("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
    peer.answer(first, 407, door, headers=[challenge])
    second = peer.last("INVITE")
    assert peer.labels() == ["INVITE", "ACK", "INVITE"] and second.cseq()[0] == 2
    assert second.body == OFFER and second.tag("From") == first.tag("From")
    assert peer.last("ACK").get("Proxy-Authorization") is None
    peer.answer(second, 200, door, body=ANSWER)
    ack = peer.last("ACK")
    assert ack.get("Proxy-Authorization") == second.get("Proxy-Authorization") is not None
    assert ack.cseq()[0] == 2
    door.hang_up()
    world.run(20)
    bye = peer.last("BYE")
    assert bye.cseq()[0] == 3
    peer.answer(bye, 407, door, headers=[challenge])
    again = peer.last("BYE")
    assert again.cseq()[0] == 4 and again.get("Proxy-Authorization")
    peer.answer(again, 200, door)
    assert door.story == ["answered", "ended local 0"]
    world.rest()


def test_a_wrong_password_ends_the_call_with_the_servers_status():
    world, door, peer, call = calling()
    for _ in range(2):
        challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n"')
        peer.answer(peer.last("INVITE"), 401, door, headers=[challenge])
    assert peer.labels() == ["INVITE", "ACK", "INVITE", "ACK"]
    assert door.story == ["ended refused 401"]
    world.rest()


def test_a_repeated_200_is_acknowledged_again_and_reported_once():
    world, door, peer, call = calling(200)
    for _ in range(3):
        peer.answer(peer.last("INVITE"), 200, door, body=ANSWER)
    assert peer.labels() == ["INVITE"] + ["ACK"] * 4 and door.story == ["answered"]
    door.hang_up()
    world.run(20)
    peer.answer(peer.last("BYE"), 200, door)
    peer.answer(peer.last("INVITE"), 200, door, body=ANSWER)
    assert peer.labels()[-1] == "ACK" and peer.labels().count("BYE") == 1
    assert door.story == ["answered", "ended local 0"]
    world.rest()


def test_of_two_phones_that_answer_the_second_gets_ack_and_one_bye():
    world, door, peer, call = calling()
    invite = peer.last("INVITE")
    peer.answer(invite, 180, door, tag="one")
    peer.answer(invite, 180, door, tag="two")
    peer.answer(invite, 200, door, tag="two", body=ANSWER)
    peer.answer(invite, 200, door, tag="one", body=ANSWER)
    peer.answer(invite, 200, door, tag="one", body=ANSWER)
    sent = [(word, message.tag("To")) for word, message in zip(peer.labels()[1:], peer.heard[1:])]
    assert sent == [("ACK", "two"), ("ACK", "one"), ("BYE", "one"), ("ACK", "one")]
    assert door.story == ["ringing 180", "ringing 180", "answered"]
    peer.answer(peer.last("BYE"), 200, door, tag="one")
    door.hang_up()
    world.run(20)
    assert peer.last("BYE").tag("To") == "two"
    peer.answer(peer.last("BYE"), 200, door, tag="two")
    world.rest()


def test_a_peer_that_answers_with_a_new_tag_each_time_is_not_followed_for_ever():
    world, door, peer, call = calling(200)
    for number in range(30):
        peer.answer(peer.last("INVITE"), 200, door, tag="fork%d" % number)
    assert peer.labels().count("ACK") == 9
    door.hang_up()
    world.rest()


@pytest.mark.parametrize(
    "headers",
    [
        [("Contact", "<<<")],
        [("Contact", "<mailto:x>")],
        [("Contact", "*")],
        [("Contact", "<sip:@>")],
        [("Record-Route", "<sip:>")],
        [("Record-Route", "<sip:a@b:99999;lr>")],
        [("Contact", "")],
    ],
)
def test_an_answer_that_leads_nowhere_is_acknowledged_and_ended_where_the_invite_went(headers):
    world, door, peer, call = calling()
    peer.answer(peer.last("INVITE"), 200, door, headers=headers, body=ANSWER)
    ack = peer.last("ACK")
    assert ack.uri == peer.last("INVITE").uri
    door.hang_up()
    world.run(20)
    peer.answer(peer.last("BYE"), 200, door)
    assert door.story == ["answered", "ended local 0"]
    world.rest()


def test_a_bye_that_crosses_ours_ends_the_call_once():
    world, door, peer, call = calling(200)
    invite = peer.last("INVITE")
    door.hang_up()
    sides = [("From", invite.get("To") + ";tag=peer"), ("To", invite.get("From"))]
    peer.say(peer.request("BYE", headers=sides + [("Call-ID", invite.get("Call-ID"))]), door)
    assert "200 BYE" in peer.labels()
    peer.answer(peer.last("BYE"), 200, door)
    assert door.story == ["answered", "ended local 0"]
    world.rest()


@pytest.mark.parametrize("status", [408, 481, 500])
def test_whatever_answers_our_bye_the_call_has_ended(status):
    world, door, peer, call = calling(200)
    door.hang_up()
    world.run(20)
    peer.answer(peer.last("BYE"), status, door)
    assert door.story[-1] == "ended local 0"
    world.rest()


def test_a_bye_that_nobody_answers_ends_the_call_after_32_seconds():
    world, door, peer, call = calling(200)
    door.hang_up()
    world.run(31990)
    assert door.story == ["answered"]
    world.run(20)
    assert door.story[-1] == "ended local 0"
    world.rest()


# Being called


def test_a_call_for_us_rings_is_answered_and_ended_there():
    world, door, peer, invite = called([("ring", 0), ("answer", 1000)])
    world.run(1000)
    assert peer.labels() == ["100 INVITE", "180 INVITE", "200 INVITE"]
    answer = peer.heard[-1]
    assert answer.body == ANSWER and answer.get("Contact") == "<sip:door@10.0.1.1:5060>"
    assert peer.heard[1].tag("To") == answer.tag("To") != ""
    peer.say(ack_of(peer, answer), door)
    assert door.calls[0].state == NAMES.ESTABLISHED
    peer.say(peer.within(answer, "BYE", 2), door)
    assert peer.labels()[-1] == "200 BYE"
    assert door.story == ["incoming", "ended remote 0"]
    world.rest()


def test_a_call_for_us_is_ended_here_in_its_dialog():
    world, door, peer, invite = called([("answer", 0)])
    peer.say(ack_of(peer, peer.heard[-1]), door)
    door.hang_up()
    world.run(20)
    bye = peer.last("BYE")
    assert bye.uri == "sip:peer@10.0.2.1:5060" and bye.get("Call-ID") == invite.get("Call-ID")
    assert bye.tag("To") == "peer" and bye.tag("From") == peer.last("200 INVITE").tag("To")
    peer.answer(bye, 200, door)
    assert door.story == ["incoming", "ended local 0"]
    world.rest()


@pytest.mark.parametrize("status", [404, 480, 486, 488, 603])
def test_a_call_for_us_is_refused(status):
    world, door, peer, invite = called([(str(status), 0)])
    assert peer.labels() == ["100 INVITE", "%d INVITE" % status]
    ack = peer.request("ACK", headers=[("Via", invite.get("Via"))])
    peer.say(ack, door)
    assert door.story == ["incoming", "ended local %d" % status]
    world.rest()


def test_an_end_before_the_answer_declines():
    world, door, peer, invite = called([("end", 0)])
    assert peer.labels()[-1] == "603 INVITE" and door.story[-1] == "ended local 603"
    world.rest()


def test_a_refusal_that_nobody_acknowledges_is_repeated_and_left():
    world, door, peer, invite = called([("486", 0)])
    world.run(40000)
    assert peer.labels() == ["100 INVITE"] + ["486 INVITE"] * 11
    world.rest()


def test_a_cancelled_call_stops_ringing_with_487():
    world, door, peer, invite = called([("ring", 0), ("answer", 500), ("486", 600), ("end", 700)])
    cancel = peer.request("CANCEL", headers=[("Via", invite.get("Via"))])
    peer.say(cancel, door)
    assert peer.labels()[-2:] == ["200 CANCEL", "487 INVITE"]
    assert peer.heard[-1].tag("To") == peer.heard[-2].tag("To") == peer.heard[1].tag("To")
    peer.say(peer.request("ACK", headers=[("Via", invite.get("Via"))]), door)
    world.run(1000)
    assert peer.labels()[-1] == "487 INVITE"  # answer, refusal and end came too late
    assert door.story == ["incoming", "ended remote 0"]
    world.rest()


def test_a_cancel_that_crosses_our_200_changes_nothing():
    world, door, peer, invite = called([("answer", 0)])
    answer = peer.last("200 INVITE")
    peer.say(peer.request("CANCEL", headers=[("Via", invite.get("Via"))]), door)
    assert peer.labels()[-1] == "200 CANCEL" and door.story == ["incoming"]
    peer.say(ack_of(peer, answer), door)
    peer.say(peer.within(answer, "BYE", 2), door)
    assert door.story == ["incoming", "ended remote 0"]
    world.rest()


def test_a_bye_to_a_ringing_call_ends_it_with_487():
    world, door, peer, invite = called()
    peer.say(peer.within(peer.last("180 INVITE"), "BYE", 2), door)
    assert peer.labels()[-2:] == ["200 BYE", "487 INVITE"]
    assert door.story == ["incoming", "ended remote 0"]
    world.rest()


def test_an_answer_is_repeated_until_its_ack_and_ends_in_bye_when_none_comes():
    world, door, peer, invite = called([("answer", 0)])
    begin = world.times("200 INVITE")[0]
    world.run(40000)
    times = [ms - begin for ms in world.times("200 INVITE")]
    assert times == [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert world.times("BYE")[0] - begin == 32000
    peer.answer(peer.last("BYE"), 481, door)
    assert door.story == ["incoming", "ended no ack 0"]
    world.rest()


def test_the_first_ack_ends_the_repeating():
    world, door, peer, invite = called([("answer", 0)])
    world.run(1600)
    assert peer.labels().count("200 INVITE") == 3
    peer.say(ack_of(peer, peer.heard[-1]), door)
    peer.say(ack_of(peer, peer.heard[-1]), door)
    world.run(60000)
    assert peer.labels().count("200 INVITE") == 3 and door.calls[0].state == NAMES.ESTABLISHED
    door.hang_up()
    world.rest()


def test_a_bye_waits_for_the_ack_of_our_answer():
    world, door, peer, invite = called([("answer", 0), ("end", 100)])
    world.run(300)
    assert "BYE" not in peer.labels()
    peer.say(ack_of(peer, peer.last("200 INVITE")), door)
    assert peer.labels()[-1] == "BYE"
    peer.answer(peer.heard[-1], 200, door)
    assert door.story == ["incoming", "ended local 0"]
    world.rest()


def test_a_bye_that_waited_in_vain_for_the_ack_goes_out_and_the_repeating_ends():
    world, door, peer, invite = called([("answer", 0), ("end", 100)])
    world.run(32000)
    assert peer.labels()[-1] == "BYE"
    count = peer.labels().count("200 INVITE")
    world.run(10000)
    assert peer.labels().count("200 INVITE") == count
    world.rest()


def test_a_bye_instead_of_the_ack_ends_the_repeating():
    world, door, peer, invite = called([("answer", 0)])
    peer.say(peer.within(peer.last("200 INVITE"), "BYE", 2), door)
    world.run(5000)
    assert peer.labels().count("200 INVITE") == 1
    assert door.story == ["incoming", "ended remote 0"]
    world.rest()


def test_an_invite_without_offer_is_reported_empty_and_may_be_answered_with_ours():
    world, door, peer = scene()
    door.manner = [("answer", 0)]
    peer.say(peer.request("INVITE"), door)
    assert peer.heard[-1].body == ANSWER
    peer.say(ack_of(peer, peer.heard[-1]), door)
    assert door.calls[0].state == NAMES.ESTABLISHED
    door.hang_up()
    world.rest()


def test_a_repeated_invite_is_one_call():
    world, door, peer, invite = called()
    peer.say(invite, door)
    peer.say(invite, door)
    assert door.story == ["incoming"] and peer.labels()[-1] == "180 INVITE"
    assert len(door.agent.calls) == 1
    door.hang_up()
    world.rest()


def test_a_peer_of_rfc_2543_without_branch_and_tags_calls_and_hangs_up():
    world, door, peer = scene()
    door.manner = [("ring", 0), ("answer", 100)]
    old = [
        ("Via", "SIP/2.0/UDP 10.0.2.1"),
        ("From", "sip:peer@10.0.2.1"),
        ("To", "sip:door@10.0.1.1"),
    ]
    peer.say(peer.request("INVITE", headers=old), door)
    peer.say(peer.request("INVITE", headers=old), door)
    world.run(200)
    answer = peer.last("200 INVITE")
    old[2] = ("To", answer.get("To"))
    peer.say(peer.request("ACK", headers=old), door)
    assert door.calls[0].state == NAMES.ESTABLISHED and len(door.calls) == 1
    peer.say(peer.request("BYE", headers=old, cseq=2), door)
    assert door.story == ["incoming", "ended remote 0"] and peer.labels()[-1] == "200 BYE"
    world.rest()


def test_a_cancel_of_an_rfc_2543_peer_finds_its_invite():
    world, door, peer = scene()
    old = [("Via", "SIP/2.0/UDP 10.0.2.1;branch=1"), ("From", "sip:peer@10.0.2.1")]
    peer.say(peer.request("INVITE", headers=old), door)
    peer.say(peer.request("CANCEL", headers=old), door)
    assert peer.labels()[-2:] == ["200 CANCEL", "487 INVITE"]
    world.rest()


def test_answers_refusals_and_ends_that_come_too_late_do_nothing():
    world, door, peer, call = calling(200)
    now = world.clock()
    call.answer(ANSWER, now)
    call.ring(now)
    world.run(10)
    assert call.state == NAMES.ESTABLISHED and peer.labels() == ["INVITE", "ACK"]
    call.end(now)
    call.end(now)
    call.answer(ANSWER, now)
    world.run(10)
    assert peer.labels() == ["INVITE", "ACK", "BYE"]
    world.rest()
    call.end(world.clock())
    call.answer(ANSWER, world.clock())
    call.ring(world.clock())
    assert door.outbox == [] and door.story == ["answered", "ended local 0"]


# Two of our kind


def test_two_doors_that_call_each_other_at_once_have_two_calls():
    world = World()
    one, other = world.handset("one"), world.handset("other")
    one.call(other)
    other.call(one)
    world.run(3000)
    for handset in (one, other):
        assert sorted(handset.story) == ["answered", "incoming", "ringing 180"]
        assert len(handset.agent.calls) == 2
    one.hang_up()
    other.calls[1].end(world.clock())
    world.run(500)
    world.rest()


@pytest.mark.parametrize(
    "lost", ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
)
def test_any_one_datagram_may_be_lost_and_the_call_goes_its_way(lost):
    world = World()
    one, other = world.handset("one"), world.handset("other")
    world.drops = [lost]
    one.call(other)
    world.run(4000)
    assert [word for word in one.story if word != "ringing 180"] == ["answered"]
    one.hang_up()
    world.run(2000)
    assert one.story[-1] == "ended local 0"
    assert other.story == ["incoming", "ended remote 0"]
    assert world.drops == []
    world.rest()


@pytest.mark.parametrize("lost", ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"])
def test_any_one_datagram_of_a_cancelled_call_may_be_lost(lost):
    world = World()
    one, other = world.handset("one"), world.handset("other")
    world.drops = [lost]
    other.manner = [("ring", 0)]
    one.call(other)
    world.run(1000)
    one.hang_up()
    world.run(3000)
    assert one.story == ["ringing 180", "ended local 0"]
    assert other.story == ["incoming", "ended remote 0"]
    assert world.drops == []
    world.rest()


def test_a_cancel_that_crosses_the_200_between_two_of_our_kind_ends_both():
    world = World(least_ms=50, most_ms=50)
    one, other = world.handset("one"), world.handset("other")
    other.manner = [("ring", 0), ("answer", 300)]
    one.call(other)
    world.run(320)
    one.hang_up()
    world.run(1000)
    assert one.story == ["ringing 180", "ended local 0"]
    assert other.story == ["incoming", "ended remote 0"]
    assert "481 CANCEL" not in world.ladder() and world.times("BYE")
    world.rest()


def test_a_call_goes_through_while_the_clock_wraps():
    world = World(now=(1 << 30) - 700)
    one, other = world.handset("one"), world.handset("other")
    world.drops = ["200 INVITE", "ACK"]
    one.call(other)
    world.run(4000)
    one.hang_up()
    world.run(1000)
    assert one.story == ["ringing 180", "answered", "ended local 0"]
    assert other.story == ["incoming", "ended remote 0"]
    world.rest()
