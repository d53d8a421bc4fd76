"""proxy: calls through a server that authenticates, forks, record-routes and is no open relay."""

import sys

import pytest
from sip.message import parse

from host_tests.sip.world import ANSWER, DOMAIN, PROXY, World, is_ended

HEAP = "8M"


def house(*names):
    world = World()
    world.house(*names)
    return world


def second_phone(world, name="phone"):
    """Another handset of the same account."""
    other = world.handset(name + "2")
    other.account.aor = "sip:%s@%s" % (name, DOMAIN)
    other.account.user, other.account.password = name, "secret of " + name
    other.register()
    world.run(200)
    other.story = []
    world.wire = []
    return other


def says(world, start):
    return [line for line in world.ladder() if line.startswith(start)]


def test_a_call_goes_through_with_digest_both_ways_and_ends_from_either_side():
    world = house("door", "phone")
    for caller, callee, ender in (
        ("door", "phone", "door"),
        ("door", "phone", "phone"),
        ("phone", "door", "phone"),
        ("phone", "door", "door"),
    ):
        one, other = world.handsets[caller], world.handsets[callee]
        one.story, other.story = [], []
        one.call(callee)
        world.run(3000)
        assert one.story == ["ringing 180", "answered"] and other.story == ["incoming"]
        world.handsets[ender].hang_up()
        world.run(500)
        ended = {True: "ended local 0", False: "ended remote 0"}
        assert one.story[-1] == ended[ender == caller]
        assert other.story[-1] == ended[ender == callee]
    assert len(world.sent("407 INVITE")) == 4 and world.sent("407 BYE") == []
    world.rest()


def test_the_call_of_a_door_as_a_ladder():
    world = house("door", "phone")
    world.handsets["door"].call("phone")
    world.run(2000)
    world.handsets["phone"].hang_up()
    world.run(1000)
    assert world.ladder() == [
        "door > proxy INVITE",
        "proxy > door 407 INVITE",
        "door > proxy ACK",
        "door > proxy INVITE",
        "proxy > door 100 INVITE",
        "proxy > phone INVITE",
        "phone > proxy 100 INVITE",
        "phone > proxy 180 INVITE",
        "proxy > door 180 INVITE",
        "phone > proxy 200 INVITE",
        "proxy > door 200 INVITE",
        "door > proxy ACK",
        "proxy > phone ACK",
        "phone > proxy BYE",
        "proxy > door BYE",
        "door > proxy 200 BYE",
        "proxy > phone 200 BYE",
    ]
    forwarded = world.sent("INVITE", "proxy")[0]
    assert len(forwarded.values("Via")) == 2 and forwarded.get("Max-Forwards") == "69"
    assert forwarded.get("Proxy-Authorization") is None
    assert len(world.sent("200 INVITE", "proxy")[0].values("Via")) == 1
    assert world.sent("ACK", "door")[1].get("Proxy-Authorization")
    assert world.sent("ACK", "proxy")[0].get("Route") is None
    world.rest()


def test_a_ringing_call_is_cancelled_hop_by_hop():
    world = house("door", "phone")
    world.handsets["phone"].manner = [("ring", 0)]
    world.handsets["door"].call("phone")
    world.run(1000)
    world.wire = []
    world.handsets["door"].hang_up()
    world.run(1000)
    assert sorted(world.ladder()) == sorted(
        [
            "door > proxy CANCEL",
            "proxy > door 200 CANCEL",
            "proxy > phone CANCEL",
            "phone > proxy 200 CANCEL",
            "phone > proxy 487 INVITE",
            "proxy > phone ACK",
            "proxy > door 487 INVITE",
            "door > proxy ACK",
        ]
    )
    assert world.story("phone") == ["incoming", "ended remote 0"]
    assert world.story("door")[-1] == "ended local 0"
    world.rest()


def test_a_cancel_before_the_phone_has_said_anything_waits_for_its_first_word():
    world = house("door", "phone")
    world.drops = ["100 INVITE", "100 INVITE", "180 INVITE"]  # the proxy's to the door, too
    world.handsets["phone"].manner = [("ring", 0)]
    world.handsets["door"].call("phone")
    world.run(30)
    world.handsets["door"].hang_up()
    world.run(3000)
    assert world.story("phone") == ["incoming", "ended remote 0"]
    assert world.story("door") == ["ended local 0"]
    world.rest()


@pytest.mark.parametrize("status", [404, 408, 480, 486, 503, 603])
def test_a_refusal_reaches_the_caller(status):
    world = house("door", "phone")
    world.handsets["phone"].manner = [(str(status), 100)]
    world.handsets["door"].call("phone")
    world.run(1000)
    assert world.story("door") == ["ended refused %d" % status]
    world.rest()


def test_an_unknown_user_is_a_404_and_one_who_is_not_there_a_480():
    world = house("door", "phone")
    world.handsets["phone"].rest()
    world.run(200)
    for name, status in (("nobody", 404), ("phone", 480)):
        world.handsets["door"].call(name)
        world.run(200)
        assert world.story("door")[-1] == "ended refused %d" % status
    world.rest()


def test_a_phone_that_is_switched_off_is_a_408_after_timer_b():
    world = house("door", "phone")
    del world.nodes[("10.0.1.2", 5060)]
    world.handsets["door"].call("phone")
    world.run(32100)
    assert world.story("door") == ["ended refused 408"]
    world.rest()


def test_both_phones_of_an_account_ring_and_the_other_stops_when_one_answers():
    world = house("door", "phone")
    other = second_phone(world)
    other.manner = [("ring", 0)]
    world.handsets["door"].call("phone")
    world.run(3000)
    assert world.story("door") == ["ringing 180", "ringing 180", "answered"]
    assert other.story == ["incoming", "ended remote 0"]
    assert says(world, "proxy > phone2") == [
        "proxy > phone2 INVITE",
        "proxy > phone2 CANCEL",
        "proxy > phone2 ACK",
    ]
    world.handsets["door"].hang_up()
    world.run(500)
    assert world.story("phone") == ["incoming", "ended remote 0"]
    world.rest()


def test_two_phones_that_answer_at_once_leave_one_call():
    world = house("door", "phone")
    other = second_phone(world)
    for handset in (other, world.handsets["phone"]):
        handset.manner = [("ring", 0), ("answer", 500)]
    world.handsets["door"].call("phone")
    world.run(3000)
    assert world.story("door").count("answered") == 1
    ended = [story[-1] for story in (other.story, world.story("phone"))]
    assert sorted(ended) == ["ended remote 0", "incoming"]
    assert len(world.sent("200 INVITE", "proxy")) == 2
    assert len(world.sent("BYE", "door")) == 1
    world.handsets["door"].hang_up()
    world.run(500)
    world.rest()


@pytest.mark.parametrize(
    "one, two, best",
    [
        (486, 404, 404),
        (486, 603, 603),
        (486, 503, 486),
        (486, 302, 302),
        (408, 486, 486),
        (480, 401, 401),
        (500, 408, 408),
    ],
)
def test_of_two_refusals_the_best_reaches_the_caller_once(one, two, best):
    world = house("door", "phone")
    other = second_phone(world)
    world.handsets["phone"].manner = [(str(one), 0)]
    other.manner = [(str(two), 300)]
    world.handsets["door"].call("phone")
    world.run(2000)
    finals = [
        line for line in says(world, "proxy > door") if "100" not in line and "407" not in line
    ]
    if best != 401:
        assert finals == ["proxy > door %d INVITE" % best]
        assert world.story("door") == ["ended refused %d" % best]
    else:
        assert finals[0] == "proxy > door 401 INVITE"
    world.rest()


def test_a_6xx_ends_the_ringing_of_the_others_at_once():
    world = house("door", "phone")
    other = second_phone(world)
    other.manner = [("603", 300)]
    world.handsets["phone"].manner = [("ring", 0)]
    world.handsets["door"].call("phone")
    world.run(1000)
    assert world.story("phone") == ["incoming", "ended remote 0"]
    assert world.story("door")[-1] == "ended refused 603"
    world.rest()


def test_one_phone_that_is_switched_off_does_not_keep_the_other_from_answering():
    world = house("door", "phone")
    second_phone(world)
    del world.nodes[("10.0.1.3", 5060)]
    world.handsets["door"].call("phone")
    world.run(3000)
    assert world.story("door")[-1] == "answered"
    world.handsets["phone"].hang_up()
    world.run(40000)
    assert world.story("door")[-1] == "ended remote 0"
    world.rest()


def test_timer_c_cancels_what_rings_for_more_than_three_minutes():
    world = house("door", "phone")
    world.handsets["phone"].manner = [("ring", 0)]
    world.handsets["door"].call("phone")
    world.run(184000)
    assert world.sent("CANCEL") == []
    world.run(2000)
    assert world.story("phone")[-1] == "ended remote 0"
    assert world.story("door")[-1] == "ended refused 487"
    world.rest()


def test_timer_c_begins_anew_with_each_sign_of_ringing_and_ends_a_branch_that_ignores_its_cancel():
    world = house("door", "phone")
    phone = world.handsets["phone"]
    phone.manner = [("ring", 0), ("ring", 100000)]
    world.handsets["door"].call("phone")
    world.run(200000)
    del world.nodes[("10.0.1.2", 5060)]
    world.run(84000)
    assert world.sent("CANCEL") == []
    world.run(1100)
    assert len(world.sent("CANCEL")) >= 1
    world.run(32000)
    assert world.story("door")[-1] == "ended refused 408"
    world.nodes[("10.0.1.2", 5060)] = phone
    phone.hang_up()
    world.rest()


# The flows of RFC 3665 that one proxy can show, as the caller sees them


@pytest.mark.parametrize(
    "manner, ends, flow",
    [
        # 3.2, Session Establishment Through Two Proxies: the phone hangs up
        (
            [("ring", 0), ("answer", 500), ("end", 2000)],
            0,
            "INVITE 407 ACK INVITE 100 180 200 ACK BYE 200",
        ),
        # 3.8, Unsuccessful No Answer
        ([("ring", 0)], 2000, "INVITE 407 ACK INVITE 100 180 CANCEL 200 487 ACK"),
        # 3.9, Unsuccessful Busy
        ([("486", 0)], 0, "INVITE 407 ACK INVITE 100 486 ACK"),
        # 3.11, Unsuccessful Temporarily Unavailable
        ([("ring", 0), ("480", 500)], 0, "INVITE 407 ACK INVITE 100 180 480 ACK"),
    ],
)
def test_the_flows_of_rfc_3665(manner, ends, flow):
    world = house("door", "phone")
    world.handsets["phone"].manner = manner
    world.handsets["door"].call("phone")
    if ends:
        world.run(ends)
        world.handsets["door"].hang_up()
    world.run(4000)
    seen = [line.split(" ")[3] for line in world.ladder() if "door" in line]
    # Between two of them the order of sending is the network's: the 200 of a CANCEL and its 487.
    assert " ".join(seen) == flow
    world.rest()


def test_the_registrations_of_rfc_3665():
    # 2.1 successful new registration, 2.4 cancellation of registration, 2.5 unsuccessful registration
    world = World()
    world.serve(["door"])
    door = world.handset("door")
    door.register()
    world.run(100)
    assert [line.split(" ")[3] for line in world.ladder()] == ["REGISTER", "401", "REGISTER", "200"]
    door.rest()
    world.run(100)
    assert [line.split(" ")[3] for line in world.ladder()[4:]] == [
        "REGISTER",
        "401",
        "REGISTER",
        "200",
    ]
    world.wire = []
    door.account.password = "wrong"
    door.register()
    world.run(100)
    assert [line.split(" ")[3] for line in world.ladder()] == ["REGISTER", "401", "REGISTER", "401"]
    world.rest()


# A storm


def storm(seed, count):
    """`count` overlapping calls on a network that loses, repeats and reorders; the stories that came of them."""
    world = World(seed)
    world.house("door", "phone", "gate")
    second_phone(world)
    world.keeps_wire = False
    world.loss, world.repeat, world.least_ms, world.most_ms = 10, 10, 1, 400
    handsets = list(world.handsets.values())
    ends = []  # (when somebody has had enough, call)
    for _ in range(count):
        for handset in handsets:
            chance = world.chance(8)
            wait = world.chance(4000)
            manner = [("ring", world.chance(500))]
            if chance == 0:
                manner = [(str((480, 486, 603)[wait % 3]), wait)]
            elif chance > 1:
                manner.append(("answer", wait))
            if chance > 5:
                manner.append(("end", wait + world.chance(6000)))
            handset.manner = manner
        caller = handsets[world.chance(3)]
        callee = ("door", "phone", "gate", "nobody")[world.chance(100) % 34 // 10]
        ends.append((world.now + world.chance(9000), caller.call(callee)))
        for _ in range(4):
            world.run(world.chance(400))
            for when, call in ends:
                if when <= world.now:
                    call.end(world.clock())
            ends = [pair for pair in ends if pair[0] > world.now]
    for _, call in ends:
        call.end(world.clock())
    # Who was called and still rings or talks has had enough, too.
    world.run(12000)
    for handset in handsets:
        for call in handset.calls:
            call.end(world.clock())
    # The longest way to the end: an INVITE that waits for a first response, then for its CANCEL (2 · 64·T1),
    # or the repeated 2xx without ACK and then its BYE.
    world.run(2 * 32000 + 500)
    for handset in handsets:
        assert all(is_ended(call) for call in handset.calls), (seed, handset.name)
        ended = [word for word in handset.story if word.startswith("ended")]
        assert len(ended) == len(handset.calls), (seed, handset.name)
    world.rest()
    return [handset.story for handset in handsets]


def test_every_call_of_a_storm_ends_and_leaves_nothing():
    seeds, count = (1, 2, 3, 4, 5), 40
    if sys.implementation.name == "micropython":
        seeds, count = (1, 2), 25
    words = set()
    for seed in seeds:
        for story in storm(seed, count):
            words.update(story)
    # It was a storm in which everything happened.
    for word in ("answered", "ended local 0", "ended remote 0", "ended refused 486"):
        assert word in words
    assert "ended refused 404" in words


def test_a_seed_replays_exactly():
    assert storm(9, 8) == storm(9, 8)


# What a stranger gets


def stranger(*names):
    world = house(*names)
    return world, world.peer()


def test_a_stranger_is_challenged_and_never_forwarded():
    world, peer = stranger("phone")
    for method in ("INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"):
        peer.say(peer.request(method, "sip:phone@" + DOMAIN), PROXY)
        assert peer.labels()[-1] == "407 " + method
    assert says(world, "proxy > phone") == []
    world.rest()


def test_a_foreign_domain_is_refused():
    world, peer = stranger("phone")
    for target in ("sip:phone@elsewhere.example", "sip:phone@10.0.1.1", "sip:phone@10.0.0.1:5070"):
        peer.say(peer.request("INVITE", target), PROXY)
        assert peer.labels()[-1] == "403 INVITE"
    world.rest()


def test_a_made_up_route_and_to_tag_make_no_relay_of_us():
    world, peer = stranger("phone")
    victim = world.peer("victim", "10.0.9.9")
    for route in ("<sip:10.0.0.1;lr>", "<sip:0123456789abcdef@10.0.0.1:5060;lr>"):
        for method in ("BYE", "INVITE", "ACK", "MESSAGE"):
            headers = [("To", "<sip:v@10.0.9.9>;tag=x"), ("Route", route)]
            peer.say(peer.request(method, "sip:v@10.0.9.9", headers), PROXY)
    assert victim.heard == [] and set(peer.labels()) == {
        "403 BYE",
        "403 INVITE",
        "403 MESSAGE",
    }
    world.rest()


def test_a_user_who_calls_under_another_name_is_a_403():
    world = house("door", "phone")
    door = world.handsets["door"]
    door.account.aor = "sip:phone@" + DOMAIN
    door.call("phone")
    world.run(300)
    assert world.story("door") == ["ended refused 403"] and world.story("phone") == []
    world.rest()


def test_a_wrong_password_is_a_407_again_and_the_end():
    world = house("door", "phone")
    door = world.handsets["door"]
    door.account.password = "wrong"
    door.call("phone")
    world.run(300)
    assert world.story("door") == ["ended refused 407"] and len(world.sent("INVITE", "door")) == 2
    door.account.password = "secret of door"
    world.rest()


@pytest.mark.parametrize(
    "headers, target, status",
    [
        ([("Max-Forwards", "0")], "sip:phone@pbx.example", 483),
        ([("Max-Forwards", "000")], "sip:phone@pbx.example", 483),
        ([("Max-Forwards", "x")], "sip:phone@pbx.example", 400),
        ([("Max-Forwards", "-1")], "sip:phone@pbx.example", 400),
        ([("Proxy-Require", "x, y")], "sip:phone@pbx.example", 420),
        ([("To", "<sip:x@y>")], "tel:+4930", 416),
        ([("To", "<sip:x@y>")], "sip:a@b:c", 400),
        ([("Route", "<<")], "sip:phone@pbx.example", 400),
        ([("Route", "<sip:10.0.0.1;lr>, <sip:10.0.2.1;lr>")], "sip:phone@pbx.example", 407),
    ],
)
def test_what_may_not_be_forwarded_is_refused(headers, target, status):
    world, peer = stranger("phone")
    peer.say(peer.request("INVITE", target, headers), PROXY)
    assert peer.labels() == ["%d INVITE" % status]
    if status == 420:
        assert peer.heard[0].get("Unsupported") == "x, y"
    assert says(world, "proxy > phone") == []
    world.rest()


def test_options_for_the_proxy_itself_is_answered_even_at_the_last_hop():
    world, peer = stranger("phone")
    for target in ("sip:" + DOMAIN, "sip:10.0.0.1:5060"):
        peer.say(peer.request("OPTIONS", target, [("Max-Forwards", "0")]), PROXY)
        assert peer.labels()[-1] == "200 OPTIONS"
    peer.say(peer.request("OPTIONS", "sip:phone@" + DOMAIN, [("Max-Forwards", "0")]), PROXY)
    assert peer.labels()[-1] == "483 OPTIONS"
    world.rest()


def test_a_cancel_of_nothing_is_a_481_and_of_a_refused_invite_a_200():
    world, peer = stranger("phone")
    invite = peer.request("INVITE", "sip:phone@" + DOMAIN)
    peer.say(peer.request("CANCEL", "sip:phone@" + DOMAIN), PROXY)
    peer.say(invite, PROXY)
    peer.say(peer.request("CANCEL", "sip:phone@" + DOMAIN, [("Via", invite.get("Via"))]), PROXY)
    assert peer.labels() == ["481 CANCEL", "407 INVITE", "200 CANCEL"]
    world.rest()


def test_a_registration_for_a_foreign_domain_is_a_404_and_of_another_user_a_403():
    world = house("door", "phone")
    door = world.handsets["door"]
    for aor, status in (("sip:door@elsewhere.example", 404), ("sip:phone@" + DOMAIN, 403)):
        door.registration.stop(world.clock())
        world.run(200)
        door.story = []
        door.account.aor = aor
        door.register()
        world.run(200)
        assert door.story[-1] == "registration_failed %d" % status
    assert len(world.proxy.registrar.location.bindings("phone@" + DOMAIN)) == 1
    world.rest()


def test_a_full_server_answers_503():
    world, peer = stranger("phone")
    world.proxy.endpoint.most_servers = len(world.proxy.endpoint.servers) + 2
    for _ in range(3):
        peer.say(peer.request("INVITE", "sip:phone@" + DOMAIN), PROXY)
    assert peer.labels().count("407 INVITE") == 2 and peer.labels()[-1] == "503 INVITE"
    world.rest()


# Routes


def call_by_peer(world, peer):
    """A call that the peer, in the place of a handset named peer, makes through the proxy; its 200."""
    peer.say(register(world, peer), PROXY)
    assert peer.labels()[-1] == "200 REGISTER"
    aor = [("From", "<sip:peer@%s>;tag=peer" % DOMAIN)]
    invite = prove(world, peer.request("INVITE", "sip:phone@" + DOMAIN, aor))
    peer.say(invite, PROXY)
    world.run(1500)
    return peer.last("200 INVITE")


def prove(world, request):
    """`request` with the credentials of the user "peer"."""
    from sip.digest import Challenge

    refusal = world.proxy.authenticator.challenge(request, 401, "t")
    challenge = Challenge(refusal.get("WWW-Authenticate"))
    name = "Authorization" if request.method == "REGISTER" else "Proxy-Authorization"
    password = "secret of peer"
    return request.add(name, challenge.answer("peer", password, request.method, request.uri, "c"))


def register(world, peer):
    world.proxy.authenticator.password_of = lambda user: "secret of " + user
    aor = "<sip:peer@%s>" % DOMAIN
    headers = [("From", aor + ";tag=r"), ("To", aor), ("Call-ID", "registration")]
    return prove(world, peer.request("REGISTER", "sip:" + DOMAIN, headers))


def test_a_strict_router_that_put_us_into_the_request_uri_is_understood():
    world, peer = stranger("phone")
    answer = call_by_peer(world, peer)
    route = answer.address("Record-Route").uri
    contact = answer.address("Contact").uri
    for method, cseq in (("ACK", 1), ("BYE", 2)):
        request = peer.within(answer, method, cseq, [("Route", "<%s>" % contact)])
        request.uri = route
        peer.say(request, PROXY)
    assert world.sent("ACK", "proxy")[-1].uri == contact
    assert world.sent("BYE", "proxy")[-1].uri == contact
    assert peer.labels()[-1] == "200 BYE" and world.story("phone")[-1] == "ended remote 0"
    world.rest()


def test_a_strict_router_after_us_gets_the_request_uri():
    world, peer = stranger("phone")
    answer = call_by_peer(world, peer)
    other = world.peer("strict", "10.0.5.5")
    route = "<%s>, <sip:10.0.5.5>" % answer.address("Record-Route").uri
    peer.say(peer.within(answer, "BYE", 2, [("Route", route)]), PROXY)
    bye = other.last("BYE")
    assert bye.uri == "sip:10.0.5.5"
    assert bye.values("Route") == ["<%s>" % answer.address("Contact").uri]
    other.answer(bye, 200, PROXY)
    assert peer.labels()[-1] == "200 BYE"
    world.handsets["phone"].hang_up()
    world.rest()


def test_a_request_in_a_dialog_past_its_last_hop_is_a_483_and_a_bad_route_a_400():
    world, peer = stranger("phone")
    answer = call_by_peer(world, peer)
    own = "<%s>" % answer.address("Record-Route").uri
    for headers, status in (
        ([("Route", own), ("Max-Forwards", "0")], 483),
        ([("Route", own + ", <<")], 400),
        ([("Route", own + ", <sip:a:b:c;lr>")], 400),
    ):
        peer.say(peer.within(answer, "BYE", 2, headers), PROXY)
        assert peer.labels()[-1] == "%d BYE" % status
    peer.say(peer.within(answer, "ACK", 1, [("Route", own + ", <<")]), PROXY)
    world.handsets["phone"].hang_up()
    world.rest()


def test_a_phone_that_mangles_the_vias_still_gets_its_answer_through():
    world, peer = stranger("door")
    peer.say(register(world, peer), PROXY)
    world.handsets["door"].call("peer")
    world.run(100)
    invite = peer.last("INVITE")
    top = invite.values("Via")[0]
    peer.answer(invite, 486, PROXY, headers=[("Via", top)])
    assert world.story("door") == ["ended refused 486"]
    assert len(parse(world.sent("486 INVITE", "proxy")[0].encode()).values("Via")) == 1
    world.rest()


def test_a_2xx_that_is_repeated_is_passed_on_each_time():
    world, peer = stranger("door")
    peer.say(register(world, peer), PROXY)
    world.handsets["door"].call("peer")
    world.run(100)
    for _ in range(3):
        peer.answer(peer.last("INVITE"), 200, PROXY, body=ANSWER)
    assert len(world.sent("200 INVITE", "proxy")) == 3 and len(world.sent("ACK", "door")) == 4
    world.handsets["door"].hang_up()
    world.run(100)
    peer.answer(peer.last("BYE"), 200, PROXY)
    world.rest()
