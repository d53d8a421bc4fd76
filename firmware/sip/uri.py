"""SIP and SIPS URIs (RFC 3261 section 19.1): taken apart, put together, compared.

Other schemes (tel:, urn:) are kept as text: scheme and `host` hold all there is.
"""

_DIGITS = "0123456789"
_HEX = "0123456789abcdefABCDEF"
# What a host name is written in, once in lower case. RFC 3261 has no underscore; people's networks have.
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789.-_"


class Uri:
    """`scheme:user:password@host:port;params?headers`, each part as it was written.

    user, password: str with escapes kept, or None. host: str, IPv6 in brackets.
    port: int or 0 when there was none. params: dict of lower-case name to value
    (None for a flag). headers: str after the question mark, or "".
    """

    def __init__(self, host, user=None, port=0, scheme="sip", params=None):
        self.scheme = scheme
        self.user = user
        self.password = None
        self.host = host
        self.port = port
        self.params = params or {}
        self.headers = ""

    def __str__(self):
        text = self.scheme + ":"
        if self.user is not None:
            text += self.user
            if self.password is not None:
                text += ":" + self.password
            text += "@"
        text += self.host
        if self.port:
            text += ":%d" % self.port
        for name, value in self.params.items():
            text += ";" + name if value is None else ";%s=%s" % (name, value)
        if self.headers:
            text += "?" + self.headers
        return text

    def is_sip(self):
        return self.scheme in ("sip", "sips")

    def hop(self):
        """(transport, host, port) that a request to this URI goes to, before any DNS (RFC 3263 4)."""
        transport = (self.params.get("transport") or "udp").upper()
        secure = self.scheme == "sips" or transport == "TLS"
        return (
            "TLS" if secure else transport,
            self.params.get("maddr") or self.host,
            self.port or (5061 if secure else 5060),
        )


def parse(text):
    """The Uri that `text` is. Raises ValueError when it is none (RFC 3261 section 25.1)."""
    scheme, _, rest = text.partition(":")
    if not scheme or not rest or not is_bare(text):
        raise ValueError("not a URI: " + text)
    scheme = scheme.lower()
    if scheme not in ("sip", "sips"):
        return Uri(rest, scheme=scheme)
    # The user part may hold ";", "?" and "/", but no "@" that is not escaped.
    user = password = None
    before, at, after = rest.partition("@")
    if at:
        rest = after
        user, colon, word = before.partition(":")
        password = word if colon else None
        if not user:
            raise ValueError("nothing stands before the @: " + text)
    rest, _, headers = rest.partition("?")
    pieces = rest.split(";")
    host, port = host_and_port(pieces[0])
    uri = Uri(host, user, port, scheme)
    uri.password = password
    uri.headers = headers
    for piece in pieces[1:]:
        name, equals, value = piece.partition("=")
        name = name.lower()
        if "%" in name:  # %6C%72 is lr; but an escaped ";" must not come to stand in a name
            plain = unescape(name).lower()
            name = name if plain.strip(_NAME) else plain
        if name:
            uri.params[name] = value if equals else None
    return uri


def is_bare(text):
    """Whether `text` is there and holds nothing that ends a URI: white space, quotes, angle brackets."""
    return text.split(None, 1) == [text] and not ("<" in text or ">" in text or '"' in text)


def host_and_port(text):
    """("host", port) of `host[:port]`, the host in lower case; port 0 when absent. Raises ValueError."""
    colon = text.find(":", text.rfind("]") + 1)
    host = (text if colon < 0 else text[:colon]).lower()
    port = 0 if colon < 0 else number(text[colon + 1 :], 65535)
    if host[:1] == "[":
        # As much of RFC 5954's grammar as tells an address from text; the network judges the rest.
        wrong = host[-1] != "]" or host.count(":") < 2 or ":::" in host
        wrong = wrong or host[1:-1].strip(_HEX + ":.")
    else:
        wrong = not host or host.strip(_NAME)
    if wrong or (colon >= 0 and not port):
        raise ValueError("not a host and port: " + text)
    return host, port


def number(text, most):
    """The int that `text`, decimal digits, says. Raises ValueError for anything else and above `most`."""
    # Not isdigit: CPython's takes the digits of every script, and superscripts.
    if not text or len(text) > 10 or text.strip(_DIGITS) or int(text) > most:
        raise ValueError("not a number up to %d: %s" % (most, text))
    return int(text)


def unescape(text):
    """`text` with each %HH replaced by the byte that it stands for (RFC 3261 section 19.1.2)."""
    if "%" not in text:
        return text
    data, digits, out = text.encode(), _HEX.encode(), bytearray()
    begin = 0
    percent = data.find(b"%")
    while percent >= 0:
        pair = data[percent + 1 : percent + 3]
        if len(pair) == 2 and not pair.strip(digits):
            out.extend(data[begin:percent])
            out.append(int(pair, 16))
            begin = percent + 3
        percent = data.find(b"%", percent + 1)
    out.extend(data[begin:])
    return text_of(bytes(out))


def text_of(data):
    """`data` as a str: UTF-8 where it is, else each byte as the character of that number."""
    try:
        return data.decode()
    except UnicodeError:
        return "".join([chr(byte) for byte in data])
