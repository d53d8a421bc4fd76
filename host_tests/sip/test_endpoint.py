"""endpoint: finding the transaction, answering where the request came from, and taking whatever comes in."""

import pytest
from sip.agent import Agent
from sip.endpoint import MAGIC, Endpoint
from sip.message import Message, parse
from sip.transaction import Nobody

from host_tests.sip.world import PROXY, World, is_ended

HEAP = "8M"
SOURCE = ("UDP", "10.0.2.1", 4444)


class Core:
    """Notes what comes and answers nothing."""

    def __init__(self, fails=None):
        self.heard = []
        self.fails = fails

    def on_request(self, transaction, request):
        self.heard.append(request.method)
        if self.fails:
            raise self.fails

    def on_ack(self, _transaction, ack):
        self.heard.append("ACK")
        if self.fails:
            raise self.fails


def endpoint(fails=None):
    made = Endpoint("10.0.1.1", 5060, World().random)
    made.core = Core(fails)
    return made


def request(method="OPTIONS", via="SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bK1", **other):
    values = {"From": "<sip:a@b>;tag=1", "To": "<sip:c@d>", "Call-ID": "x", "CSeq": "1 " + method}
    message = Message(method, "sip:door@10.0.1.1")
    message.add("Via", via)
    for name in ("From", "To", "Call-ID", "CSeq"):
        message.add(name, other.get(name.replace("-", "_"), values[name]))
    return message


def answers(made):
    """[(status, hop)] since the last look."""
    found = [(parse(data).status, hop) for data, hop in made.outbox]
    made.outbox.clear()
    return found


@pytest.mark.parametrize(
    "via, hop",
    [
        ("SIP/2.0/UDP 10.0.2.1:7000;branch=z9hG4bK1", ("UDP", "10.0.2.1", 7000)),
        ("SIP/2.0/UDP 10.0.2.1;branch=z9hG4bK1", ("UDP", "10.0.2.1", 5060)),
        ("SIP/2.0/UDP 192.168.0.9:7000;branch=z9hG4bK1", ("UDP", "10.0.2.1", 7000)),
        ("SIP/2.0/UDP 192.168.0.9:7000;rport;branch=z9hG4bK1", SOURCE),
        ("SIP/2.0/UDP phone.example;branch=z9hG4bK1;rport=1", SOURCE),
    ],
)
def test_a_datagram_is_answered_where_its_via_and_its_source_say(via, hop):
    made = endpoint(ValueError("no"))
    made.receive(request(via=via).encode(), SOURCE, 0)
    assert answers(made) == [(400, hop)]


def test_what_came_over_a_connection_is_answered_over_it():
    made = endpoint(ValueError("no"))
    source = ("TCP", "10.0.2.1", 40000)
    made.receive(request(via="SIP/2.0/TCP 10.0.2.1:5060;branch=z9hG4bK1").encode(), source, 0)
    assert answers(made) == [(400, source)]


def test_a_repeated_request_reaches_the_core_once():
    made = endpoint()
    for _ in range(3):
        made.receive(request().encode(), SOURCE, 0)
    assert made.core.heard == ["OPTIONS"] and len(made.servers) == 1


@pytest.mark.parametrize(
    "other",
    [
        request("INVITE"),
        request(via="SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bK2"),
        request(via="SIP/2.0/UDP 10.0.2.2:5060;branch=z9hG4bK1"),
        request(via="SIP/2.0/UDP 10.0.2.1:5061;branch=z9hG4bK1"),
    ],
)
def test_method_branch_and_sent_by_tell_transactions_apart(other):
    made = endpoint()
    made.receive(request().encode(), SOURCE, 0)
    made.receive(other.encode(), SOURCE, 0)
    assert len(made.servers) == 2


@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK", ";branch"])
def test_without_a_branch_call_id_from_tag_and_cseq_tell_transactions_apart(branch):
    via = "SIP/2.0/UDP 10.0.2.1:5060" + branch
    made = endpoint()
    for other in (
        request(via=via),
        request(via=via),
        request(via=via, Call_ID="y"),
        request(via=via, From="<sip:a@b>;tag=2"),
        request(via=via, CSeq="2 OPTIONS"),
    ):
        made.receive(other.encode(), SOURCE, 0)
    assert len(made.servers) == 4


def test_every_request_of_ours_has_a_branch_of_its_own_and_asks_for_rport():
    made = endpoint()
    branches = set()
    for _ in range(20):
        message = request()
        message.remove("Via")
        made.request(message, SOURCE, Nobody())
        via = message.via()
        assert via.params["branch"].startswith(MAGIC) and "rport" in via.params
        assert (via.transport, via.host, via.port) == ("UDP", "10.0.1.1", 5060)
        branches.add(via.params["branch"])
    assert len(branches) == 20 == len(made.clients)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKno\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
        b"OPTIONS sip:door SIP/2.0\r\n\r\n",
        b"OPTIONS sip:door SIP/2.0\r\nVia: rubbish\r\n\r\n",
        b"ACK sip:door SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.2.1\r\nFrom: x\r\n\r\n",
    ],
)
def test_what_cannot_be_answered_is_dropped(data):
    made = endpoint()
    made.receive(data, SOURCE, 0)
    assert answers(made) == [] and made.core.heard == [] and not made.servers


@pytest.mark.parametrize(
    "other, status",
    [
        (request(From="<<"), 400),
        (request(To=""), 400),
        (request(Call_ID=""), 400),
        (request(CSeq="1 INVITE"), 400),
        (request(CSeq="one OPTIONS"), 400),
        (request(CSeq="² OPTIONS"), 400),
        (request().add("Content-Length", "²"), None),
    ],
)
def test_what_is_malformed_but_answerable_is_refused_without_a_transaction(other, status):
    made = endpoint()
    made.receive(other.encode(), SOURCE, 0)
    if status:
        assert [answer for answer, _ in answers(made)] == [status]
        assert made.core.heard == [] and not made.servers


def test_a_core_that_stumbles_over_a_request_refuses_it_and_over_an_ack_drops_it():
    made = endpoint(ValueError("deep inside"))
    made.receive(request("INVITE").encode(), SOURCE, 0)
    assert [status for status, _ in answers(made)] == [400]
    made.receive(request("INVITE").encode(), SOURCE, 0)  # the transaction knows its answer
    assert [status for status, _ in answers(made)] == [400]
    made.receive(request("ACK", "SIP/2.0/UDP 10.0.2.1;branch=z9hG4bK7").encode(), SOURCE, 0)
    assert answers(made) == []


def test_beyond_the_most_requests_comes_a_503_and_nothing_is_remembered():
    made = endpoint()
    for number in range(40):
        via = "SIP/2.0/UDP 10.0.2.1;branch=z9hG4bK%d" % number
        made.receive(request(via=via).encode(), SOURCE, 0)
    assert len(made.servers) == made.most_servers == 16
    assert [status for status, _ in answers(made)] == [503] * 24


def test_of_many_transactions_that_are_over_only_the_latest_linger():
    world = World()
    door, peer = world.handset("door"), world.peer()
    endpoint = door.agent.endpoint
    for _ in range(30):
        peer.say(peer.request("OPTIONS"), door)
    assert peer.labels() == ["200 OPTIONS"] * 30
    assert len(endpoint.servers) == endpoint.most_lingering == 6
    assert len(endpoint.timers) == 6
    world.rest()


def test_a_response_of_another_method_or_branch_finds_no_transaction():
    world = World()
    door, peer = world.handset("door"), world.peer()
    door.call(peer)
    world.run(10)
    invite = peer.last("INVITE")
    peer.answer(invite, 200, door, headers=[("CSeq", "1 BYE")])
    peer.answer(invite, 200, door, headers=[("Via", "SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKno")])
    assert door.story == [] and peer.labels() == ["INVITE"]
    peer.answer(invite, 486, door)
    world.rest()


SEEDS = (
    "INVITE sip:door@10.0.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bK%d;rport\r\n"
    'From: "A" <sip:201@pbx.example;user=phone>;tag=1\r\nTo: <sip:door@pbx.example>%s\r\n'
    "Call-ID: c%d\r\nCSeq: 1 INVITE\r\nContact: <sip:a@10.0.2.1;transport=udp>;expires=5\r\n"
    "Record-Route: <sip:p1;lr>, <sip:10.0.2.1:99>\r\nRoute: <sip:10.0.0.1;lr>\r\nRequire: a, b\r\n"
    'Proxy-Authorization: Digest username="a", realm="b", nonce="c", uri="d", response="e"\r\n'
    "Max-Forwards: 70\r\nExpires: 60\r\nContent-Length: 4\r\n\r\nbody",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.1.1:5060;branch=%s;rport\r\n"
    "From: %s\r\nTo: <sip:x@y>;tag=2\r\nCall-ID: %s\r\nCSeq: %s\r\n"
    "Contact: <sip:b@10.0.2.1>;expires=60\r\nRecord-Route: <sip:p1;lr>\r\nMin-Expires: 60\r\n"
    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nExpires: 60\r\n\r\n',
)
BITS = ("<", ">", '"', ";", ",", ":", "@", "=", " ", "\r\n", "\\", "%", "²", "\x00", "0", "*", "é")


def spoil(world, text):
    """`text` with a few characters replaced, taken out, doubled, or a line of another message's kind."""
    for _ in range(1 + world.chance(3)):
        place = world.chance(len(text))
        choice = world.chance(3)
        bit = BITS[world.chance(len(BITS))]
        if choice == 0:
            text = text[:place] + bit + text[place + 1 :]
        elif choice == 1:
            text = text[:place] + text[place + 1 + world.chance(20) :]
        else:
            text = text[:place] + bit * (1 + world.chance(3)) + text[place:]
    return text.encode()


def test_no_spoiled_request_raises_out_of_agent_or_proxy():
    world = World(seed=7)
    world.keeps_wire = False
    world.serve(["door"])
    door = world.handset("door")
    door.manner = [("ring", 0), ("answer", 5), ("end", 10)]
    methods = ("INVITE", "BYE", "ACK", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE")
    for number in range(300):
        method = methods[number % len(methods)]
        tag = ";tag=x" if world.chance(3) == 0 else ""
        text = (SEEDS[0] % (number, tag, number)).replace("INVITE", method)
        data = spoil(world, text)
        for node in (door, world.proxy):
            node.receive(data, SOURCE, world.clock())
        world.run(20)
    world.rest()


def test_no_spoiled_response_raises_and_every_call_still_ends():
    world = World(seed=11)
    world.keeps_wire = False
    door = world.handset("door")
    for number in range(150):
        if number % 3:
            call = door.call("phone")
        else:
            call = None
            door.register()
        data, hop = door.outbox.pop()
        sent = parse(data)
        values = (sent.via().params["branch"], sent.get("From"), sent.get("Call-ID"))
        text = SEEDS[1] % (values + (sent.get("CSeq"),))
        status = ("200", "401", "423", "180", "302", "407")[world.chance(6)]
        answer = spoil(world, text.replace("200 OK", status + " x"))
        door.receive(answer, PROXY, world.clock())
        world.run(10)
        if call:
            call.end(world.clock())
        else:
            door.registration.stop(world.clock())
        world.run(3000)
    world.rest()
    assert all(is_ended(call) for call in door.calls)


def test_a_real_agent_survives_any_prefix_of_a_message():
    agent = Agent("10.0.1.1", 5060, World().random)
    data = (SEEDS[0] % (1, "", 1)).encode()
    for end in range(len(data)):
        agent.receive(data[:end], SOURCE, 0)
    assert len(agent.calls) <= 1  # all of them say that they are one and the same
