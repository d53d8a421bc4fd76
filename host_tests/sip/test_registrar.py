"""registrar: REGISTER in, bindings out (RFC 3261 section 10.3; RFC 3665 section 2)."""

import pytest
from sip.authenticator import Authenticator
from sip.digest import Challenge
from sip.message import Message
from sip.registrar import Location, Registrar, aor_of
from sip.uri import parse

SOURCE = ("UDP", "10.0.0.7", 5060)
AOR = "201@pbx.example"


class Scene:
    def __init__(self):
        self.now = 100.0
        self.cseq = 0
        self.location = Location(lambda: self.now)
        passwords = {"201": "x", "2 1": "x"}
        self.authenticator = Authenticator("pbx", passwords.get, lambda: self.now, bytes)
        self.registrar = Registrar(self.location, self.authenticator)

    def register(self, *headers, user="201", to="sip:201@pbx.example", call_id="c", cseq=0):
        """The response to an authenticated REGISTER."""
        self.cseq += 1
        message = Message("REGISTER", "sip:pbx.example").add("Via", "SIP/2.0/UDP 10.0.0.7")
        message.add("From", "<%s>;tag=1" % to).add("To", "<%s>" % to).add("Call-ID", call_id)
        message.add("CSeq", "%d REGISTER" % (cseq or self.cseq))
        for name, value in headers:
            message.add(name, value)
        refusal = self.registrar.answer(message, SOURCE, "t")
        assert refusal.status == 401 and not self.contacts("nobody")
        challenge = Challenge(refusal.get("WWW-Authenticate"))
        credentials = challenge.answer(user, "x", "REGISTER", message.uri, "cn")
        return self.registrar.answer(message.add("Authorization", credentials), SOURCE, "t")

    def contacts(self, aor=AOR):
        return [binding.contact for binding in self.location.bindings(aor)]


def test_a_contact_is_bound_for_the_time_asked_for():
    scene = Scene()
    response = scene.register(("Contact", "<sip:201@10.0.0.7>"), ("Expires", "90"))
    assert response.status == 200 and response.get("Contact") == "<sip:201@10.0.0.7>;expires=90"
    (binding,) = scene.location.bindings(AOR)
    assert binding.hop == SOURCE and binding.expires_at == 190.0
    scene.now += 89.9
    assert scene.contacts() == ["sip:201@10.0.0.7"]
    scene.now += 0.2
    assert scene.contacts() == []


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ([("Contact", "<sip:a@b>")], 3600),
        ([("Contact", "<sip:a@b>;expires=100"), ("Expires", "200")], 100),
        ([("Contact", "<sip:a@b>;expires=soon"), ("Expires", "200")], 200),
        ([("Contact", "<sip:a@b>;expires=999999")], 7200),
        ([("Contact", "<sip:a@b>;expires=60")], 60),
    ],
)
def test_the_time_comes_from_the_contact_or_the_header_or_is_an_hour(headers, seconds):
    scene = Scene()
    scene.register(*headers)
    assert scene.location.bindings(AOR)[0].expires_at == 100 + seconds


def test_a_time_too_brief_is_a_423_and_changes_nothing():
    scene = Scene()
    contacts = ("Contact", "<sip:a@b>;expires=100, <sip:c@d>;expires=59")
    response = scene.register(contacts)
    assert response.status == 423 and response.get("Min-Expires") == "60"
    assert scene.contacts() == []


def test_a_contact_that_comes_again_is_the_same_however_it_is_written():
    scene = Scene()
    scene.register(("Contact", "<sip:201@PHONE.example:5060>"))
    scene.register(("Contact", '"Anna" <sip:%3201@phone.example:5060>;q=0.5'))
    assert len(scene.contacts()) == 1
    scene.register(("Contact", "<sip:201@phone.example:5061>"))
    assert len(scene.contacts()) == 2


def test_a_request_without_contact_lists_what_is_bound():
    scene = Scene()
    scene.register(("Contact", "<sip:a@b>;expires=100, <sip:c@d>"))
    scene.now += 10.2
    response = scene.register()
    assert response.values("Contact") == ["<sip:a@b>;expires=90", "<sip:c@d>;expires=3590"]


def test_expires_0_takes_one_contact_away_and_the_star_all():
    scene = Scene()
    scene.register(("Contact", "<sip:a@b>, <sip:c@d>, <sip:e@f>"))
    response = scene.register(("Contact", "<sip:c@d>;expires=0"))
    assert len(response.values("Contact")) == 2 and scene.contacts() == ["sip:a@b", "sip:e@f"]
    response = scene.register(("Contact", "*"), ("Expires", "0"))
    assert response.status == 200 and response.get("Contact") is None and scene.contacts() == []


@pytest.mark.parametrize(
    "headers",
    [
        [("Contact", "*")],
        [("Contact", "*"), ("Expires", "60")],
        [("Contact", "*, <sip:a@b>"), ("Expires", "0")],
        [("Contact", "<<")],
        [("Contact", "<sip:>")],
        [("Contact", "")],
        [("Contact", "<sip:c@d>, rubbish")],
    ],
)
def test_a_contact_that_makes_no_sense_is_a_400_and_changes_nothing(headers):
    scene = Scene()
    scene.register(("Contact", "<sip:a@b>"))
    response = scene.register(*headers)
    assert response.status == 400 or headers == [("Contact", "")]
    assert scene.contacts() == ["sip:a@b"]


@pytest.mark.parametrize("contact", ["<sip:a@b>", "<sip:a@b>;expires=0", "*"])
def test_an_older_request_of_the_same_phone_changes_nothing(contact):
    scene = Scene()
    scene.register(("Contact", "<sip:a@b>"), cseq=5)
    for cseq in (4, 5):
        headers = [("Contact", contact)] + ([("Expires", "0")] if contact == "*" else [])
        assert scene.register(*headers, cseq=cseq).status == 500
    assert scene.contacts() == ["sip:a@b"] and scene.location.bindings(AOR)[0].cseq == 5
    scene.register(("Contact", "<sip:a@b>;expires=0"), call_id="after a reboot", cseq=1)
    assert scene.contacts() == []


def test_beyond_ten_contacts_comes_a_403_and_a_full_house_may_still_refresh_and_leave():
    scene = Scene()
    for number in range(10):
        assert scene.register(("Contact", "<sip:a@b%d>" % number)).status == 200
    assert scene.register(("Contact", "<sip:a@b10>")).status == 403
    assert scene.register(("Contact", "<sip:a@b3>")).status == 200
    assert scene.register(("Contact", "<sip:a@b3>;expires=0, <sip:a@b10>")).status == 200
    assert len(scene.contacts()) == 10 and "sip:a@b10" in scene.contacts()


def test_a_user_registers_nobody_but_himself():
    scene = Scene()
    response = scene.register(("Contact", "<sip:a@b>"), to="sip:202@pbx.example")
    assert response.status == 403 and scene.contacts("202@pbx.example") == []


def test_a_user_with_escapes_in_his_name_is_himself():
    scene = Scene()
    response = scene.register(("Contact", "<sip:a@b>"), user="2 1", to="sip:2%201@pbx.example")
    assert response.status == 200 and scene.contacts("2 1@pbx.example") == ["sip:a@b"]
    assert aor_of(parse("sip:2%201@PBX.example;user=phone")) == "2 1@pbx.example"


def test_a_wrong_password_is_a_401_again():
    scene = Scene()
    assert scene.register(("Contact", "<sip:a@b>"), user="202").status == 401
    assert scene.contacts() == []
