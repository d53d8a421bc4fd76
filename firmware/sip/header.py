"""What stands in header fields (RFC 3261 sections 7.3.1 and 20): lists, parameters, addresses, Via.

Values are str as received, taken apart only when somebody asks.
"""

from . import uri


def split(value, separator=","):
    """The parts of `value` between separators that stand outside quotes and angle brackets."""
    if separator not in value:
        return [value.strip()]
    if '"' not in value and "<" not in value:
        return [part.strip() for part in value.split(separator)]
    parts = []
    start = 0
    quoted = bracketed = escaped = False
    for i, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == "<":
            bracketed = True
        elif character == ">":
            bracketed = False
        elif character == separator and not bracketed:
            parts.append(value[start:i].strip())
            start = i + 1
    parts.append(value[start:].strip())
    return parts


def parameters(parts):
    """A dict from the list ["name=value", "flag", 'name="quoted"']; names in lower case, flags None."""
    found = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name:
            found[name] = unquote(value.strip()) if equals else None
    return found


def with_parameters(text, params):
    """`text` followed by `;name=value` for each entry of the dict; values quoted that have to be."""
    for name, value in params.items():
        # By the grammar "/", "=" and "@" want quotes too, but phones have them bare in branches and tags.
        for character in ' \t,;<>"\\':
            if value and character in value:
                value = quote(value)
                break
        text += ";" + name if value is None else ";%s=%s" % (name, value)
    return text


def quote(text):
    """`text` as a quoted-string (RFC 3261 section 25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text):
    """What a quoted-string says; anything else unchanged."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    out = bytearray()
    escaped = False
    for byte in text.encode():
        escaped = byte == 0x5C and not escaped  # a backslash that none stands before
        if not escaped:
            out.append(byte)
    return bytes(out).decode()


class Address:
    """A name-addr or addr-spec with its header parameters (RFC 3261 section 20.10).

    display: str or "". uri: str. params: dict as `parameters` gives it.
    """

    def __init__(self, uri, display="", params=None):
        self.uri = uri
        self.display = display
        self.params = params or {}

    def __str__(self):
        display = quote(self.display) + " " if self.display else ""
        return with_parameters("%s<%s>" % (display, self.uri), self.params)


def address(value):
    """The Address in one From, To, Contact, Route or Record-Route value. Raises ValueError.

    Taken as well, since phones send it: a display name of words that should have been quoted.
    """
    begin = _quoted_end(value) if value[:1] == '"' else 0
    opening = value.find("<", begin)
    semicolon = value.find(";", begin)
    if opening >= 0 and not 0 <= semicolon < opening:
        display = unquote(value[:opening].strip())
        text, closing, rest = value[opening + 1 :].partition(">")
        text = text.strip()
        rest, semicolon, params = rest.partition(";")
        wrong = not closing or rest.strip()
    else:
        # Parameters are the header's, and a URI with a comma or headers needs brackets (section 20).
        display = ""
        text, semicolon, params = value.partition(";")
        text = text.strip()
        wrong = "?" in text or "," in text
    if wrong or ":" not in text or not uri.is_bare(text):
        raise ValueError("not an address: " + value)
    return Address(text, display, parameters(split(params, ";")) if semicolon else None)


def _quoted_end(text):
    """Where the quoted-string at the start of `text` ends. Raises ValueError when it does not."""
    begin = 1
    while True:
        end = text.find('"', begin)
        if end < 0:
            raise ValueError("a quote is not closed: " + text)
        before = text[begin:end]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:  # backslashes escape each other
            return end + 1
        begin = end + 1


class Via:
    """One Via value (RFC 3261 section 20.42): transport, host, port (0 when absent), params."""

    def __init__(self, transport, host, port, params):
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params

    def __str__(self):
        text = "SIP/2.0/%s %s" % (self.transport, self.host)
        if self.port:
            text += ":%d" % self.port
        return with_parameters(text, self.params)


def via(value):
    """The Via that one Via value says. Raises ValueError.

    The version is not looked at: the start line tells it, and a 505 must find its way back.
    """
    sent, _, params = value.partition(";")
    # White space may stand round each slash and the colon: "SIP / 2.0 / UDP host : 5060".
    pieces = sent.split("/", 2)
    words = pieces[-1].split(None, 1)
    if len(pieces) != 3 or pieces[0].strip().upper() != "SIP" or len(words) != 2:
        raise ValueError("not a Via: " + value)
    host, port = uri.host_and_port(":".join([part.strip() for part in words[1].rsplit(":", 1)]))
    return Via(words[0].upper(), host, port, parameters(split(params, ";")))


def cseq(value):
    """(number, method) of a CSeq value (RFC 3261 section 20.16). Raises ValueError."""
    words = value.split(None, 2)
    if len(words) != 2:
        raise ValueError("not a CSeq: " + value)
    return uri.number(words[0], 0x7FFFFFFF), words[1]


def tag(value):
    """The tag parameter of a From or To value, or "" when there is none. Raises ValueError."""
    return address(value).params.get("tag") or ""
