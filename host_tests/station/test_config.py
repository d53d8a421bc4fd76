"""What an owner may write, and the sentence that answers everything else."""

import json
import os

import pytest
from station.config import SCHEMA, ConfigError, check, load

BOARD = {"buttons": {"front": {}, "back": {}}, "relays": {"door": {}, "gate": {}}}
LEAST = {
    "sip": {"server": "fritz.box", "user": "door", "password": "secret"},
    "buttons": {"front": {"ring": ["201"]}},
}
NAMED = "auth_user, display, domain, expires_seconds, password, port, server, user"
HOST = "write a host name or address, perhaps with :port, such as fritz.box"
NUMBER = "write a number such as 201 or a sip: URI"
RINGS = 'write one to four numbers or URIs, as ["201"]'


def with_changes(changes):
    """LEAST with changes; "sip.port" names a key inside a section, Ellipsis takes one away."""
    config = json.loads(json.dumps(LEAST))
    for path, value in changes.items():
        section, keys = config, path.split("/")
        for key in keys[:-1]:
            section = section.setdefault(key, {})
        if value is Ellipsis:
            del section[keys[-1]]
        else:
            section[keys[-1]] = value
    return config


def refusal(changes):
    with pytest.raises(ConfigError) as raised:
        check(with_changes(changes), BOARD)
    return str(raised.value)


def test_the_least_that_can_be_written_gets_every_default():
    assert check(LEAST, BOARD) == {
        "sip": {
            "server": "fritz.box",
            "host": "fritz.box",
            "server_port": 5060,
            "user": "door",
            "password": "secret",
            "auth_user": "door",
            "domain": "fritz.box",
            "display": "",
            "expires_seconds": 120,
            "port": 5060,
        },
        "ring_seconds": 30,
        "talk_seconds": 300,
        "auto_answer": True,
        "buttons": {"front": {"ring": ["201"]}},
        "relays": {},
        "codes": {},
    }


def test_every_key_can_be_set():
    config = {
        "sip": {
            "server": "pbx.example:5080",
            "user": "gate",
            "password": 'a "quoted" one, with ä and \\',
            "auth_user": "gate-17",
            "domain": "home.example",
            "display": "Front door",
            "expires_seconds": 3600,
            "port": 0,
        },
        "ring_seconds": 3,
        "talk_seconds": 7200,
        "auto_answer": False,
        "buttons": {
            "front": {"ring": "**9"},
            "back": {"ring": ["201", "sip:x@10.0.0.7", "tel:+49"]},
        },
        "relays": {"door": {"seconds": 60}, "gate": {}},
        "codes": {"1234": "door", "*0": "gate"},
    }
    for key, rule in SCHEMA.items():  # this test knows every key there is
        assert key in config
        assert not isinstance(rule, dict) or sorted(rule) == sorted(config[key])
    checked = check(config, BOARD)
    assert (checked["sip"]["host"], checked["sip"]["server_port"]) == ("pbx.example", 5080)
    assert checked["sip"]["domain"] == "home.example"
    assert checked["sip"]["auth_user"] == "gate-17"
    assert checked["sip"]["port"] == 0
    assert checked["ring_seconds"] == 3 and checked["auto_answer"] is False
    assert checked["buttons"]["front"] == {"ring": ["**9"]}
    assert checked["buttons"]["back"]["ring"] == ["201", "sip:x@10.0.0.7", "tel:+49"]
    assert checked["relays"] == {"door": {"seconds": 60}, "gate": {"seconds": 3}}
    assert checked["codes"] == {"1234": "door", "*0": "gate"}


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"sip": ...}, "sip.server is missing: " + HOST),
        ({"sip/server": ...}, "sip.server is missing: " + HOST),
        ({"sip/server": None}, "sip.server is missing: " + HOST + ", in quotes"),
        ({"sip/server": ""}, "sip.server is '': " + HOST + ", in quotes"),
        ({"sip/server": 5060}, "sip.server is 5060: " + HOST + ", in quotes"),
        ({"sip/server": "sip:fritz.box"}, "sip.server is 'sip:fritz.box': " + HOST),
        ({"sip/server": "fritz.box:"}, "sip.server is 'fritz.box:': " + HOST),
        ({"sip/server": "fritz.box:sip"}, "sip.server is 'fritz.box:sip': " + HOST),
        ({"sip/server": "fritz.box:65536"}, "sip.server is 'fritz.box:65536': " + HOST),
        ({"sip/server": ":5060"}, "sip.server is ':5060': " + HOST),
        ({"sip/server": "a b"}, "sip.server is 'a b': " + HOST),
        ({"sip/server": "door@pbx"}, "sip.server is 'door@pbx': " + HOST),
        ({"sip/server": "pbx;lr"}, "sip.server is 'pbx;lr': " + HOST),
        (
            {"sip/user": ...},
            "sip.user is missing: write the name of the door's account at the server",
        ),
        ({"sip/user": "door@pbx"}, "sip.user is 'door@pbx': write the name alone, such as door"),
        ({"sip/user": "door:pw"}, "sip.user is 'door:pw': write the name alone, such as door"),
        ({"sip/user": "my door"}, "sip.user is 'my door': write the name alone, such as door"),
        ({"sip/user": "<door>"}, "sip.user is '<door>': write the name alone, such as door"),
        (
            {"sip/password": 1234},
            "sip.password is 1234: "
            "write the password of the door's account at the server, in quotes",
        ),
        ({"sip/domain": "a/b"}, "sip.domain is 'a/b': " + HOST),
        (
            {"sip/display": "Door\r\nX: y"},
            "sip.display is 'Door\\r\\nX: y': write the name that phones show, in quotes",
        ),
        (
            {"sip/expires_seconds": 9},
            "sip.expires_seconds is 9: write a whole number from 10 to 7200",
        ),
        (
            {"sip/expires_seconds": True},
            "sip.expires_seconds is True: write a whole number from 10 to 7200",
        ),
        (
            {"sip/port": 65536},
            "sip.port is 65536: write a UDP port from 1 to 65535, or 0 for any that is free",
        ),
        (
            {"sip/port": -1},
            "sip.port is -1: write a UDP port from 1 to 65535, or 0 for any that is free",
        ),
        (
            {"sip/serverr": "x"},
            "sip.serverr is 'x': there is no such key; the keys here are " + NAMED,
        ),
        ({"sip": []}, "sip is []: write an object in braces"),
        ({"sip": None}, "sip is missing: write an object in braces"),
        (
            {"ring": 3},
            "ring is 3: there is no such key; the keys here are auto_answer, buttons, codes, relays, "
            "ring_seconds, sip, talk_seconds",
        ),
        ({"ring_seconds": 2}, "ring_seconds is 2: write a whole number from 3 to 180"),
        ({"ring_seconds": "30"}, "ring_seconds is '30': write a whole number from 3 to 180"),
        ({"ring_seconds": 30.5}, "ring_seconds is 30.5: write a whole number from 3 to 180"),
        (
            {"talk_seconds": 10**30},
            "talk_seconds is 1000000000000000000000000000000: write a whole number from 10 to 7200",
        ),
        ({"talk_seconds": None}, "talk_seconds is missing: write a whole number from 10 to 7200"),
        ({"auto_answer": 1}, "auto_answer is 1: write true or false"),
        ({"auto_answer": "yes"}, "auto_answer is 'yes': write true or false"),
        (
            {"buttons": ...},
            'buttons is {}: write whom each rings, as {"front": {"ring": ["201"]}}',
        ),
        ({"buttons": ["front"]}, "buttons is ['front']: write an object in braces"),
        ({"buttons/front": ["201"]}, "buttons.front is ['201']: write an object in braces"),
        ({"buttons/side": {}}, "buttons.side is {}: the board has back, front"),
        ({"buttons/front": {}}, "buttons.front.ring is missing: " + RINGS),
        ({"buttons/front/ring": []}, "buttons.front.ring is []: " + RINGS),
        ({"buttons/front/ring": 201}, "buttons.front.ring is 201: " + RINGS),
        (
            {"buttons/front/ring": ["1", "2", "3", "4", "5"]},
            "buttons.front.ring is ['1', '2', '3', '4', '5']: " + RINGS,
        ),
        ({"buttons/front/ring": [201]}, "buttons.front.ring is 201: " + NUMBER),
        ({"buttons/front/ring": [""]}, "buttons.front.ring is '': " + NUMBER),
        ({"buttons/front/ring": ["20 1"]}, "buttons.front.ring is '20 1': " + NUMBER),
        ({"buttons/front/ring": ["201@pbx"]}, "buttons.front.ring is '201@pbx': " + NUMBER),
        ({"buttons/front/ring": ["mailto:a@b"]}, "buttons.front.ring is 'mailto:a@b': " + NUMBER),
        ({"buttons/front/ring": ["sip:"]}, "buttons.front.ring is 'sip:': " + NUMBER),
        ({"buttons/front/ring": ["sip:<a>"]}, "buttons.front.ring is 'sip:<a>': " + NUMBER),
        (
            {"buttons/front/ring": ["201\r\nX: y"]},
            "buttons.front.ring is '201\\r\\nX: y': " + NUMBER,
        ),
        ({"buttons/front/ring": ["2\x001"]}, "buttons.front.ring is '2\\x001': " + NUMBER),
        (
            {"buttons/front/rings": []},
            "buttons.front.rings is []: there is no such key; the keys here are ring",
        ),
        ({"relays/window": {}}, "relays.window is {}: the board has door, gate"),
        ({"relays/door": 3}, "relays.door is 3: write an object in braces"),
        ({"relays/door/seconds": 0}, "relays.door.seconds is 0: write a whole number from 1 to 60"),
        (
            {"relays/door/second": 3},
            "relays.door.second is 3: there is no such key; the keys here are seconds",
        ),
        (
            {"codes/1234": "door"},
            "codes.1234 is 'door': write the relay that it closes: none is set",
        ),
        (
            {"relays/door": {}, "codes/1234": "gate"},
            "codes.1234 is 'gate': write the relay that it closes: door",
        ),
        (
            {"relays/door": {}, "codes/1234": ["door"]},
            "codes.1234 is ['door']: write the relay that it closes: door",
        ),
        (
            {"relays/door": {}, "codes/": "door"},
            "codes. is 'door': a code is 1 to 16 of the digits 0 to 9 and *; # confirms",
        ),
        (
            {"relays/door": {}, "codes/12a4": "door"},
            "codes.12a4 is 'door': a code is 1 to 16 of the digits 0 to 9 and *; # confirms",
        ),
        (
            {"relays/door": {}, "codes/12#": "door"},
            "codes.12# is 'door': a code is 1 to 16 of the digits 0 to 9 and *; # confirms",
        ),
        (
            {"relays/door": {}, "codes/12345678901234567": "door"},
            "codes.12345678901234567 is 'door': "
            "a code is 1 to 16 of the digits 0 to 9 and *; # confirms",
        ),
        (
            {"relays/door": {}, "codes": {"1234": "door", "12": "door"}},
            "codes.12 is 'door': the longer code 1234 could never be typed",
        ),
    ],
)
def test_a_refusal_names_key_value_and_remedy(changes, sentence):
    assert refusal(changes) == sentence


@pytest.mark.parametrize("key", ["server", "user", "password", "auth_user", "domain", "display"])
@pytest.mark.parametrize("character", ["\r", "\n", "\x00", "\t"])
def test_no_text_can_carry_a_line_break_to_the_wire(key, character):
    assert refusal({"sip/" + key: "a" + character + "b"}).startswith("sip." + key + " is 'a\\")


def test_what_is_shown_of_a_value_is_bounded():
    assert len(refusal({"sip/server": "a b" * 5000})) < 200
    assert len(refusal({"x" * 5000: 1})) < 300
    assert len(refusal({"ring_seconds": 10**2000})) < 200
    assert len(refusal({"buttons": [{}] * 1000})) < 200


def test_a_server_may_name_a_port_and_a_domain_of_its_own():
    sip = check(with_changes({"sip/server": "10.0.0.1:5080"}), BOARD)["sip"]
    assert (sip["host"], sip["server_port"], sip["domain"]) == ("10.0.0.1", 5080, "10.0.0.1")


def test_what_the_board_lacks_is_said():
    assert raised_by(LEAST, {}) == "buttons.front is {'ring': ['201']}: the board has no buttons"
    board = {"buttons": {"front": {}}}
    assert (
        raised_by(with_changes({"relays/door": {}}), board)
        == "relays.door is {}: the board has no relays"
    )


def raised_by(config, board):
    with pytest.raises(ConfigError) as raised:
        check(config, board)
    return str(raised.value)


# Files


def loaded(content, board=None):
    """load() of a file with that content (None: there is no file), then the file is gone again."""
    paths = ("sipdoor-test-config.json", "sipdoor-test-board.json")
    for path, text in zip(paths, (content, json.dumps(BOARD) if board is None else board)):
        if text is not None:
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
    try:
        return load(*paths)
    finally:
        for path in paths:
            try:
                os.remove(path)
            except OSError:
                pass


def failure(content, board=None):
    with pytest.raises(ConfigError) as raised:
        loaded(content, board)
    return str(raised.value)


def test_two_files_make_a_door():
    config, board = loaded(json.dumps(LEAST))
    assert config == check(LEAST, BOARD)
    assert board == BOARD


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "missing: put it beside main.py"),
        ("", "not JSON: look for a missing comma or quote"),
        ('{"sip": {server: 1}}', "not JSON: look for a missing comma or quote"),
        ('{"sip": {}', "not JSON: look for a missing comma or quote"),
        (b'{"sip": "\xff\xfe"}', "not JSON: look for a missing comma or quote"),
        ("{} {}", "not JSON: look for a missing comma or quote"),
        ("[]", "[]: write an object in braces"),
        ("[1, 2]", "[1, 2]: write an object in braces"),
        ('"door"', "'door': write an object in braces"),
        ("null", "missing: write an object in braces"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(content, said):
    assert failure(content) == "sipdoor-test-config.json is " + said


def test_a_broken_board_file_is_named_too():
    assert failure(json.dumps(LEAST), "{") == (
        "sipdoor-test-board.json is not JSON: look for a missing comma or quote"
    )
