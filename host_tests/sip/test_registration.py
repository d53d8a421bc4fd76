"""registration: first, again in time, through refusals and silence, and not any more."""

import pytest
from sip import registration as r
from sip.agent import Agent
from sip.message import response_to
from sip.request import Account

from host_tests.names import Names, rows
from host_tests.sip.world import PROXY, World

NAMES = Names("sip/registration")

STATES = range(NAMES.IDLE, NAMES.LEAVING + 1)
EVENTS = range(NAMES.START, NAMES.STOP + 1, 16)


class Registrar:
    """A world with one handset and a scripted registrar in the proxy's place."""

    def __init__(self, now=0):
        self.world = World(now=now)
        self.peer = self.world.peer("registrar", PROXY[1])
        self.door = self.world.handset("door")
        self.registration = self.door.register()
        self.world.run(20)

    def asked(self):
        """The REGISTERs since the last look."""
        heard, self.peer.heard = self.peer.heard, []
        return heard

    def answer(self, status, *headers):
        """Answer the latest REGISTER."""
        request = self.peer.heard[-1]
        self.peer.heard = []
        self.peer.answer(request, status, self.door, "reg", headers)

    def story(self):
        story, self.door.story = self.door.story, []
        return story


def challenge(realm="pbx", extra=""):
    return ("WWW-Authenticate", 'Digest realm="%s", nonce="n"%s' % (realm, extra))


# The table


def test_every_row_names_actions_that_exist_and_known_states():
    for state, event, actions, following in rows(r.MACHINE):
        assert state in STATES and following in STATES and event in EVENTS
        for action in actions:
            assert callable(getattr(r.Registration, action)), action


def test_every_state_is_reached_and_every_state_leads_back_to_idle():
    reached, returning = {NAMES.IDLE}, {NAMES.IDLE}
    for _ in STATES:
        for state, _event, _actions, following in rows(r.MACHINE):
            if state in reached:
                reached.add(following)
            if following in returning:
                returning.add(state)
    assert reached == returning == set(STATES)


def test_every_pair_does_what_its_row_says_and_a_pair_without_row_changes_nothing():
    for state in STATES:
        for event in EVENTS:
            agent = Agent("10.0.0.9", 5060, World().random)
            account = Account("sip:door@pbx.example", PROXY, "door", "x")
            registration = r.Registration(agent, account, "sip:pbx.example", 60)
            registration.state = state
            row = r.MACHINE.get(state | event)
            called = record(registration, row[:-1] if row else ())
            registration._handle(event)
            assert called == (list(row[:-1]) if row else [])
            assert registration.state == (row[-1] if row else state)
            assert agent.events == [] and agent.outbox == []


def record(registration, actions):
    called = []
    for action in actions:
        setattr(registration, action, lambda action=action: called.append(action))
    return called


# The way it goes


def test_the_request_is_addressed_to_the_registrar_alone():
    registrar = Registrar()
    (request,) = registrar.asked()
    assert request.uri == "sip:pbx.example"
    assert request.get("To") == "<sip:door@pbx.example>"
    assert request.get("From").startswith("<sip:door@pbx.example>;tag=")
    assert request.get("Contact") == "<sip:door@10.0.1.1:5060>"
    assert request.get("Expires") == "120"


def test_a_challenge_is_answered_with_a_new_branch_the_next_cseq_and_everything_else_the_same():
    registrar = Registrar()
    first = registrar.peer.heard[-1]
    registrar.answer(401, challenge())
    (second,) = registrar.asked()
    assert first.via().params["branch"] != second.via().params["branch"]
    assert (first.cseq()[0], second.cseq()[0]) == (1, 2)
    for name in ("From", "To", "Call-ID", "Contact", "Expires"):
        assert first.get(name) == second.get(name)
    assert first.get("Authorization") is None
    assert second.get("Authorization").startswith('Digest username="door", realm="pbx", nonce="n"')
    assert len(second.values("Via")) == 1 and registrar.story() == []


def test_refreshes_keep_call_id_and_from_tag_and_move_cseq_on():
    registrar = Registrar()
    first = registrar.peer.heard[-1]
    registrar.answer(401, challenge())
    registrar.answer(200)
    registrar.world.run(60000)
    refresh = registrar.peer.heard[-1]
    assert refresh.cseq()[0] == 3
    for name in ("From", "To", "Call-ID"):
        assert first.get(name) == refresh.get(name)


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ([], 120),  # the server says nothing: what was asked for
        ([("Expires", "90")], 90),
        ([("Contact", "<sip:door@10.0.1.1:5060>;expires=50")], 50),
        ([("Contact", "<sip:door@10.0.1.1:5060>;q=0.5;EXPIRES=50;x=1"), ("Expires", "90")], 50),
        ([("Contact", "<sip:door@10.0.1.1:5060;transport=udp>;expires=50")], 50),
        ([("Contact", "sip:door@10.0.1.1:5060;expires=50")], 50),
        (
            [("Contact", "<sip:x@1.2.3.4>;expires=7, <sip:door@10.0.1.1:5060>;expires=50")],
            50,
        ),
        ([("Contact", "<sip:door@10.0.1.1:50601>;expires=50"), ("Expires", "90")], 90),
        ([("Contact", '"A <b>, c" <sip:door@10.0.1.1:5060>;expires="50"')], 50),
        ([("Contact", "<<<"), ("Expires", "90")], 90),
        ([("Expires", "soon")], 120),
        ([("Expires", "-5")], 120),
        ([("Expires", "²")], 120),
        ([("Expires", "99999999999999999999")], 120),
        ([("Contact", "<sip:door@10.0.1.1:5060>;expires")], 120),
    ],
)
def test_what_is_granted_decides_the_refresh_at_half_time(headers, seconds):
    registrar = Registrar()
    contacts = [pair for pair in headers if pair[0] == "Contact"]
    registrar.answer(200, *(headers if contacts else headers + [("Contact", "<sip:x@1.2.3.4>")]))
    assert registrar.story() == ["registered %d" % seconds]
    begin = registrar.world.times("200 REGISTER")[0] + 5
    registrar.world.run(seconds * 500 + 100)
    assert registrar.world.times("REGISTER")[1] == begin + seconds * 500
    registrar.answer(200)
    assert registrar.story() == []  # a refresh is no news


def test_a_server_that_grants_nothing_is_not_asked_again_at_once():
    registrar = Registrar()
    registrar.answer(200, ("Expires", "0"), ("Contact", "<sip:x@1.2.3.4>"))
    registrar.world.run(4900)
    assert registrar.asked() == []
    registrar.world.run(200)
    assert len(registrar.asked()) == 1


def test_a_423_is_answered_with_the_time_that_it_demands():
    registrar = Registrar()
    registrar.answer(423, ("Min-Expires", "1800"))
    request = registrar.peer.heard[-1]
    assert request.get("Expires") == "1800" and request.cseq()[0] == 2
    registrar.answer(200)
    assert registrar.story() == ["registered 1800"]


def test_a_423_without_min_expires_is_answered_with_an_hour():
    registrar = Registrar()
    registrar.answer(423)
    assert registrar.peer.heard[-1].get("Expires") == "3600"


def test_a_423_that_demands_no_more_than_was_asked_is_a_refusal_and_no_loop():
    registrar = Registrar()
    registrar.answer(423, ("Min-Expires", "60"))
    assert registrar.asked() == []
    assert registrar.story() == ["registration_failed 423"]


def test_a_wrong_password_is_one_clear_event_and_a_slow_retry():
    registrar = Registrar()
    registrar.answer(401, challenge())
    registrar.answer(401, challenge())
    assert registrar.asked() == []
    agent = registrar.door.agent
    assert registrar.story() == ["registration_failed 401"]
    registrar.world.run(149000)
    assert registrar.asked() == []
    registrar.world.run(152000)
    retry = registrar.asked()[0]
    assert retry.cseq()[0] == 3 and retry.get("Authorization") is None
    assert agent.calls == []


@pytest.mark.parametrize(
    "header, why",
    [
        (challenge(), "the server refuses the user name door or its password"),
        (("Warning", "none"), "the server sent no challenge"),
        (challenge(extra=", algorithm=SHA-512"), "SHA-512"),
        (("WWW-Authenticate", 'Basic realm="pbx"'), "other than a digest"),
        (("WWW-Authenticate", "Digest"), "other than a digest"),
    ],
)
def test_a_failure_says_in_words_what_the_server_did(header, why):
    registrar = Registrar()
    registrar.door._look = lambda: None
    for _ in range(2):
        if registrar.peer.heard:
            registrar.answer(401, header)
    ((name, registration, (status, sentence, retry_ms)),) = registrar.door.agent.events
    assert name == "registration_failed" and registration is registrar.registration
    assert status == 401 and why in sentence and 150000 <= retry_ms <= 300000


def test_a_nonce_that_is_called_stale_is_replaced_and_a_server_that_always_does_so_is_given_up():
    registrar = Registrar()
    registrar.answer(401, challenge())
    registrar.answer(401, challenge(extra=", stale=true"))
    assert len(registrar.peer.heard) == 1
    registrar.answer(401, challenge(extra=", stale=TRUE"))
    registrar.answer(401, challenge(extra=", stale=true"))
    assert registrar.asked() == []
    assert registrar.story() == ["registration_failed 401"]


def test_of_two_challenges_the_one_that_can_be_answered_is():
    registrar = Registrar()
    refusal = response_to(registrar.peer.heard[-1], 401, "", "t")
    refusal.add("WWW-Authenticate", 'Digest realm="pbx", nonce="a", algorithm=SHA-512-256')
    refusal.add("WWW-Authenticate", 'Digest realm="pbx", nonce="b", algorithm=MD5')
    registrar.peer.say(refusal, registrar.door)
    assert 'nonce="b"' in registrar.peer.heard[-1].get("Authorization")


def test_silence_is_met_with_longer_and_longer_waiting_and_the_server_that_returns_is_found():
    registrar = Registrar()
    world, peer = registrar.world, registrar.peer
    waits = []
    for _ in range(10):
        world.until(lambda: registrar.door.story, 400000)
        assert registrar.story() == ["registration_failed 0"]
        peer.heard = []
        begin = world.now
        world.until(lambda: peer.heard, 400000)
        waits.append(world.now - begin)
    for number, wait_ms in enumerate(waits):
        longest = min(300000, 4000 << number)
        assert longest // 2 <= wait_ms <= longest + 30, (number, wait_ms)
    registrar.answer(200)
    assert registrar.story() == ["registered 120"]
    world.run(60100)
    registrar.answer(503)
    assert registrar.story() == ["registration_failed 503"]
    begin = world.now
    world.until(lambda: peer.heard)
    assert world.now - begin <= 4030  # the failures were forgotten


def test_a_server_that_went_and_came_back_is_registered_at_again_by_itself():
    world = World()
    world.house("door")
    server = world.nodes.pop(("10.0.0.1", 5060))
    door = world.handsets["door"]
    world.until(lambda: door.story)
    assert door.story == ["registration_failed 0"] and not door.registration.is_registered()
    world.run(30000)
    world.nodes[("10.0.0.1", 5060)] = server
    world.until(door.registration.is_registered)
    assert door.story[-1] == "registered 120"
    world.rest()


def test_unregistering_takes_the_contact_away():
    world = World()
    world.house("door")
    door = world.handsets["door"]
    location = world.proxy.registrar.location
    assert len(location.bindings("door@pbx.example")) == 1
    door.registration.stop(world.clock())
    world.run(100)
    assert location.bindings("door@pbx.example") == []
    assert door.story == ["unregistered"]
    assert world.sent("REGISTER", "door")[-1].get("Expires") == "0"
    world.rest()
    assert door.story == ["unregistered"]


@pytest.mark.parametrize("status", [200, 403, 423, 500])
def test_whatever_is_said_to_the_last_request_the_door_has_left(status):
    registrar = Registrar()
    registrar.answer(200)
    registrar.registration.stop(registrar.world.clock())
    registrar.world.run(20)
    registrar.answer(status)
    assert registrar.story()[-1] == "unregistered"
    registrar.world.run(500000)
    assert registrar.asked() == []


def test_a_stop_while_a_request_is_under_way_waits_for_its_answer():
    registrar = Registrar()
    registrar.registration.stop(registrar.world.clock())
    registrar.world.run(20)
    assert len(registrar.peer.heard) == 1
    registrar.answer(401, challenge())
    assert registrar.peer.heard[-1].get("Expires") == "120"
    registrar.answer(200)
    request = registrar.peer.heard[-1]
    assert request.get("Expires") == "0" and request.cseq()[0] == 3
    registrar.answer(200)
    assert registrar.story() == ["unregistered"]


def test_a_stop_against_a_silent_server_ends_with_timer_f():
    registrar = Registrar()
    registrar.registration.stop(registrar.world.clock())
    registrar.world.run(32100)
    assert registrar.story() == ["unregistered"]
    registrar.world.rest()


def test_a_stop_while_waiting_for_the_next_try_is_done_at_once():
    registrar = Registrar()
    registrar.answer(503)
    registrar.registration.stop(registrar.world.clock())
    registrar.door._look()
    assert registrar.story() == ["registration_failed 503", "unregistered"]
    registrar.world.rest()


def test_start_registers_again_at_once():
    registrar = Registrar()
    registrar.answer(200)
    registrar.registration.start(registrar.world.clock())
    registrar.registration.start(registrar.world.clock())
    registrar.world.run(20)
    assert len(registrar.asked()) == 1


def test_the_clock_may_wrap_between_registration_and_refresh():
    registrar = Registrar(now=(1 << 30) - 30000)
    registrar.answer(200)
    registrar.world.run(59900)
    assert registrar.asked() == []
    registrar.world.run(200)
    assert len(registrar.asked()) == 1


def test_two_accounts_are_registered_beside_each_other():
    world = World()
    world.serve(["door", "gate"])
    door = world.handset("door")
    other = Account("sip:gate@pbx.example", PROXY, "gate", "secret of gate")
    door.register()
    door.agent.register(other, "sip:pbx.example", 90, 0)
    world.run(300)
    assert sorted(door.story) == ["registered 120", "registered 90"]
    assert len(world.proxy.registrar.location.bindings("gate@pbx.example")) == 1
