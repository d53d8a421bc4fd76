"""What the owner wrote in config.json, checked against what a door understands and what the board has.

`SCHEMA` is all there is; docs/configuration.md says the same in prose. A configuration is refused with one
sentence that names the key, the value and the remedy. Needed at the start only: `wiring` unloads it.
"""

import json

from sip import uri

_HOST = "a host name or address, perhaps with :port, such as fritz.box"
_REQUIRED = object()

# section → key → (default, smallest or type, largest, what it must be)
SCHEMA = {
    "sip": {
        "server": (_REQUIRED, str, None, _HOST),
        "user": (_REQUIRED, str, None, "the name of the door's account at the server"),
        "password": (_REQUIRED, str, None, "the password of the door's account at the server"),
        "auth_user": ("", str, None, "the name for the digest where it differs from user"),
        "domain": ("", str, None, "the domain of the accounts where it differs from server"),
        "display": ("", str, None, "the name that phones show"),
        "expires_seconds": (120, 10, 7200, "a whole number from 10 to 7200"),
        "port": (5060, 0, 65535, "a UDP port from 1 to 65535, or 0 for any that is free"),
    },
    "ring_seconds": (30, 3, 180, "a whole number from 3 to 180"),
    "talk_seconds": (300, 10, 7200, "a whole number from 10 to 7200"),
    "auto_answer": (True, bool, None, "true or false"),
}


class ConfigError(ValueError):
    """One sentence: the key, the value, the remedy."""

    def __init__(self, key, value, remedy, shown=""):
        if value is None:
            shown = shown or "missing"
        # What stands there may be anything: enough of it to be found.
        super().__init__("%s is %s: %s" % (key[:60], shown or repr(value)[:60], remedy))
        self.key = key


def load(config_path, board_path):
    """(config, board) from two JSON files, checked. Raises ConfigError."""
    board = _object(board_path)
    return check(_object(config_path), board), board


def _object(path):
    try:
        with open(path) as file:
            found = json.load(file)
    except OSError as error:
        raise ConfigError(path, None, "put it beside main.py") from error
    except ValueError as error:
        raise ConfigError(path, path, "look for a missing comma or quote", "not JSON") from error
    if not isinstance(found, dict):
        raise ConfigError(path, found, "write an object in braces")
    return found


def check(config, board):
    """`config` with every default filled in. Raises ConfigError. Both are dicts out of JSON."""
    _known(config, "", sorted(SCHEMA) + ["buttons", "relays", "codes"])
    checked = {}
    for key, rule in SCHEMA.items():
        if isinstance(rule, dict):
            section = _section(config, key)
            _known(section, key + ".", rule)
            checked[key] = {name: _value(section, key + ".", name, rule[name]) for name in rule}
        else:
            checked[key] = _value(config, "", key, rule)
    _check_sip(checked["sip"])
    checked["buttons"] = _buttons(_section(config, "buttons"), board.get("buttons", {}))
    checked["relays"] = _relays(_section(config, "relays"), board.get("relays", {}))
    checked["codes"] = _codes(_section(config, "codes"), checked["relays"])
    return checked


def _section(config, key, prefix=""):
    section = config.get(key, {})
    if not isinstance(section, dict):
        raise ConfigError(prefix + key, section, "write an object in braces")
    return section


def _known(section, prefix, names):
    for key in section:
        if key not in names:
            remedy = "there is no such key; the keys here are " + ", ".join(sorted(names))
            raise ConfigError(prefix + key, section[key], remedy)


def _value(section, prefix, key, rule):
    default, least, most, remedy = rule
    value = section.get(key, default)
    if value is _REQUIRED:
        raise ConfigError(prefix + key, None, "write " + remedy)
    if least is str:
        remedy += ", in quotes"
        is_right = isinstance(value, str) and (value or default == "")
        # A line break in a name would be a header of its own on the wire.
        is_right = is_right and min(value or " ") >= " "
    elif least is bool:
        is_right = isinstance(value, bool)
    else:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        is_right = is_number and least <= value <= most
    if not is_right:
        raise ConfigError(prefix + key, value, "write " + remedy)
    return value


def _check_sip(sip):
    server = _host("server", sip["server"])
    sip["host"] = server.host
    sip["server_port"] = server.port or 5060
    sip["domain"] = sip["domain"] or server.host
    sip["auth_user"] = sip["auth_user"] or sip["user"]
    _host("domain", sip["domain"])
    if not _is_user(sip["user"]):
        raise ConfigError("sip.user", sip["user"], "write the name alone, such as door")


def _host(key, text):
    """The sip.uri.Uri of a host and nothing more."""
    try:
        found = uri.parse("sip:" + text)
        if str(uri.Uri(found.host, port=found.port)) == "sip:" + text.lower():
            return found
    except ValueError:
        pass
    raise ConfigError("sip." + key, text, "write " + _HOST)


def _is_user(text):
    """Whether `text` can stand before the @ of a URI as it is."""
    try:
        return uri.parse("sip:%s@a" % text).user == text
    except ValueError:
        return False


def _is_target(text):
    """Whether a call can go to `text`: a user's name or number, or a URI."""
    if not isinstance(text, str) or min(text or "\n") < " ":
        return False
    if ":" not in text:
        return _is_user(text)
    try:
        return uri.parse(text).scheme in ("sip", "sips", "tel")
    except ValueError:
        return False


def _buttons(buttons, on_board):
    if not buttons:
        raise ConfigError(
            "buttons", buttons, 'write whom each rings, as {"front": {"ring": ["201"]}}'
        )
    checked = {}
    for name, button in buttons.items():
        key = "buttons." + name
        if name not in on_board:
            raise ConfigError(key, button, "the board has " + _list(on_board, "no buttons"))
        _known(_section(buttons, name, "buttons."), key + ".", ("ring",))
        ring = button.get("ring")
        if isinstance(ring, str):
            ring = [ring]
        if not isinstance(ring, list) or not 0 < len(ring) <= 4:
            raise ConfigError(key + ".ring", ring, 'write one to four numbers or URIs, as ["201"]')
        for target in ring:
            if not _is_target(target):
                raise ConfigError(key + ".ring", target, "write a number such as 201 or a sip: URI")
        checked[name] = {"ring": ring}
    return checked


def _relays(relays, on_board):
    checked = {}
    rule = (3, 1, 60, "a whole number from 1 to 60")
    for name, relay in relays.items():
        key = "relays." + name
        if name not in on_board:
            raise ConfigError(key, relay, "the board has " + _list(on_board, "no relays"))
        _known(_section(relays, name, "relays."), key + ".", ("seconds",))
        checked[name] = {"seconds": _value(relay, key + ".", "seconds", rule)}
    return checked


def _codes(codes, relays):
    for code, relay in codes.items():
        key = "codes." + code
        if not 1 <= len(code) <= 16 or code.strip("0123456789*"):
            raise ConfigError(
                key, relay, "a code is 1 to 16 of the digits 0 to 9 and *; # confirms"
            )
        if not isinstance(relay, str) or relay not in relays:
            raise ConfigError(
                key, relay, "write the relay that it closes: " + _list(relays, "none is set")
            )
        for other in codes:
            if other != code and other.startswith(code):
                raise ConfigError(key, relay, "the longer code %s could never be typed" % other)
    return codes


def _list(names, otherwise):
    return ", ".join(sorted(names)) if names else otherwise
