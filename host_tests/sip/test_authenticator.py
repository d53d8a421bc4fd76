"""authenticator: only who knows the password gets through, and an old nonce is called stale."""

import pytest
from sip import digest
from sip.authenticator import Authenticator
from sip.message import Message

PASSWORDS = {"door": "secret", 'a"b': "x"}


class Scene:
    def __init__(self):
        self.now = 1000.5
        self.authenticator = Authenticator(
            "pbx", PASSWORDS.get, lambda: self.now, lambda count: bytes(range(count))
        )

    def challenge(self, status=401, stale=False):
        response = self.authenticator.challenge(request(), status, "t", stale)
        assert response.status == status and response.tag("To") == "t"
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        return response.get(name)

    def user(self, credentials, name="Authorization", method="REGISTER"):
        return self.authenticator.user_of(request(method).add(name, credentials), name)


def request(method="REGISTER"):
    message = Message(method, "sip:pbx").add("Via", "SIP/2.0/UDP x").add("To", "<sip:door@pbx>")
    return message.add("From", "<sip:door@pbx>").add("CSeq", "1 " + method).add("Call-ID", "c")


def answer(challenge, user="door", password="secret", method="REGISTER"):
    return digest.Challenge(challenge).answer(user, password, method, "sip:pbx", "cn")


def test_who_knows_the_password_is_known_by_name():
    scene = Scene()
    assert scene.user(answer(scene.challenge())) == ("door", False)
    assert scene.user(answer(scene.challenge(), 'a"b', "x")) == ('a"b', False)
    challenge = scene.challenge(407)
    assert scene.user(answer(challenge), "Proxy-Authorization") == ("door", False)


def test_a_client_without_qop_is_known_too():
    scene = Scene()
    credentials = answer(scene.challenge().replace(', qop="auth"', ""))
    assert "qop" not in credentials and scene.user(credentials) == ("door", False)


@pytest.mark.parametrize(
    "user, password", [("door", "Secret"), ("door", ""), ("nobody", "secret"), ("", "")]
)
def test_who_does_not_know_it_is_nobody(user, password):
    scene = Scene()
    assert scene.user(answer(scene.challenge(), user, password)) == (None, False)


def test_credentials_for_another_method_are_worth_nothing():
    scene = Scene()
    assert scene.user(answer(scene.challenge()), method="INVITE") == (None, False)


def test_a_nonce_lasts_five_minutes_and_is_then_called_stale():
    scene = Scene()
    credentials = answer(scene.challenge())
    scene.now += 300 - 0.5
    assert scene.user(credentials) == ("door", False)
    scene.now += 1
    assert scene.user(credentials) == (None, True)
    assert digest.Challenge(scene.challenge(stale=True)).is_stale
    assert not digest.Challenge(scene.challenge()).is_stale


def test_an_old_nonce_with_a_wrong_password_is_not_stale_but_wrong():
    scene = Scene()
    credentials = answer(scene.challenge(), password="wrong")
    scene.now += 1000
    assert scene.user(credentials) == (None, False)


def test_a_nonce_from_the_future_or_of_another_server_is_worth_nothing():
    scene = Scene()
    credentials = answer(scene.challenge())
    scene.now -= 10
    assert scene.user(credentials)[0] is None
    other = Authenticator("pbx", PASSWORDS.get, lambda: 1000, bytes)
    foreign = other.challenge(request(), 401, "t").get("WWW-Authenticate")
    assert scene.user(answer(foreign)) == (None, False)


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Digest",
        "Basic ZG9vcjpzZWNyZXQ=",
        "Digest username, realm, nonce, uri, response",
        'Digest username="door", realm="pbx"',
        'Digest username="door", realm="pbx", nonce="1-", response=""',
        'Digest username="door", realm="pbx", nonce="-5", response="x"',
        'Digest username="door", realm="other", nonce="1", response="x"',
    ],
)
def test_rubbish_is_worth_nothing(credentials):
    assert Scene().user(credentials) == (None, False)


def test_of_several_credentials_those_for_the_realm_count_and_are_taken_out():
    scene = Scene()
    other = 'Digest username="door", realm="far", nonce="n", uri="u", response="r"'
    message = request().add("Authorization", other)
    message.add("Authorization", answer(scene.challenge()))
    assert scene.authenticator.user_of(message, "Authorization") == ("door", False)
    scene.authenticator.take_own(message, "Authorization")
    assert message.fields("Authorization") == [other]
