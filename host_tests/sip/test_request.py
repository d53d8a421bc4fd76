"""request: challenges are answered, by realm, and never without end."""

from sip.endpoint import Endpoint
from sip.message import Message, parse, response_to
from sip.request import Account, Request

from host_tests.sip.world import World

HOP = ("UDP", "10.0.0.1", 5060)


class Scene:
    """One request on its way, and its user."""

    def __init__(self, account=True):
        self.endpoint = Endpoint("10.0.1.1", 5060, World().random)
        self.heard = []
        own = Account("sip:door@x", HOP, "door", "secret") if account else None
        message = Message("OPTIONS", "sip:x")
        message.add("From", "<sip:door@x>;tag=1").add("To", "<sip:x>").add("Call-ID", "c")
        message.add("CSeq", "5 OPTIONS").add("Subject", "kept")
        message.body = b"body"
        self.request = Request(self.endpoint, own, message, HOP, self)

    def on_response(self, request, response):
        self.heard.append(response.status)

    def on_timeout(self, request):
        self.heard.append("timeout")

    def last(self):
        return parse(self.endpoint.outbox[-1][0])

    def answer(self, status, *challenges):
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        response = response_to(self.last(), status, "", "far")
        for challenge in challenges:
            response.add(name, challenge)
        self.endpoint.receive(response.encode(), HOP, 0)
        return len(self.endpoint.outbox)


def digest(realm, nonce="n", extra=""):
    return 'Digest realm="%s", nonce="%s", qop="auth"%s' % (realm, nonce, extra)


def realms(message, name):
    return sorted([value.split('realm="')[1].split('"')[0] for value in message.fields(name)])


def test_the_request_comes_again_whole_with_the_next_number():
    scene = Scene()
    assert scene.answer(401, digest("r")) == 2
    again = scene.last()
    assert again.get("CSeq") == "6 OPTIONS" and again.get("Subject") == "kept"
    assert again.body == b"body" and len(again.values("Via")) == 1
    scene.answer(200)
    assert scene.heard == [200]


def test_two_proxies_and_the_far_end_each_get_their_credentials():
    # RFC 3665 section 3.3 has two proxies that both ask.
    scene = Scene()
    scene.answer(407, digest("one"))
    scene.answer(407, digest("two"))
    assert realms(scene.last(), "Proxy-Authorization") == ["one", "two"]
    scene.answer(401, digest("end"))
    assert realms(scene.last(), "Proxy-Authorization") == ["one", "two"]
    assert realms(scene.last(), "Authorization") == ["end"]
    counts = [value.split("nc=")[1][:8] for value in scene.last().fields("Proxy-Authorization")]
    assert sorted(counts) == ["00000002", "00000003"]  # a nonce is never used twice alike
    scene.answer(200)
    assert scene.heard == [200] and scene.last().get("CSeq") == "8 OPTIONS"


def test_several_challenges_of_one_response_are_all_answered():
    scene = Scene()
    scene.answer(407, digest("one"), digest("two"), "Basic realm=three", digest("one", "later"))
    assert realms(scene.last(), "Proxy-Authorization") == ["one", "two"]
    assert 'nonce="later"' not in "".join(scene.last().fields("Proxy-Authorization"))


def test_the_same_realm_again_means_that_the_password_is_wrong():
    scene = Scene()
    scene.answer(401, digest("r"))
    assert scene.answer(401, digest("r", "new")) == 2
    assert scene.heard == [401] and "refuses the user name door" in scene.request.failure


def test_a_stale_nonce_is_replaced():
    scene = Scene()
    scene.answer(401, digest("r"))
    scene.answer(401, digest("r", "new", ", stale=true"))
    assert 'nonce="new"' in scene.last().get("Authorization") and "nc=00000001" in scene.last().get(
        "Authorization"
    )
    assert len(scene.last().fields("Authorization")) == 1


def test_a_server_that_asks_for_ever_is_left_after_four_attempts():
    scene = Scene()
    for number in range(6):
        scene.answer(401, digest("realm %d" % number))
    assert len(scene.endpoint.outbox) == 4 and scene.heard == [401]
    assert "again and again" in scene.request.failure


def test_who_has_no_account_hears_of_the_challenge():
    scene = Scene(account=False)
    assert scene.answer(401, digest("r")) == 1
    assert scene.heard == [401]


def test_a_response_to_an_attempt_that_was_repeated_is_nothing():
    scene = Scene()
    first = scene.last()
    scene.answer(401, digest("r"))
    scene.endpoint.receive(response_to(first, 200, "", "far").encode(), HOP, 0)
    assert scene.heard == []


def test_silence_is_reported_once():
    scene = Scene()
    scene.endpoint.timers.advance(32000)
    assert scene.heard == ["timeout"]
