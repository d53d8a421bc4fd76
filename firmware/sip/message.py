"""SIP messages (RFC 3261 section 7): bytes in, bytes out, nothing parsed before somebody asks.

A message keeps its header fields as a list of (name, value) in the order received. Which
messages make sense is `check`'s business; what a value means is `header`'s.
"""

from micropython import const

from . import header
from .uri import number, text_of
from .uri import parse as parse_uri

# What one message may cost at most, in memory and in time. A datagram that asks for more is dropped.
MAX_BYTES = const(8192)
MAX_HEADERS = const(96)
MAX_PARTS = const(256)  # commas and semicolons before the body: lists and parameters

_COMPACT = {  # RFC 3261 section 7.3.3 and the IANA registry
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}

# Header fields that have one value. Of two nobody knows which the next hop will read (RFC 4475 3.3.8, 3.3.9).
_SINGLE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length")
# What a response has from its request (RFC 3261 section 8.2.6); Record-Route only when it makes a dialog.
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq", "Timestamp", "Record-Route")

# Those that a door sends; a server's modules add theirs.
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    405: "Method Not Allowed",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    505: "Version Not Supported",
    513: "Message Too Large",
    603: "Decline",
}


class MessageError(ValueError):
    """What is wrong with a message, and the status that says so to its sender."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status
        self.why = why


class Message:
    """A request (status 0) or a response (method "" and uri "").

    headers: list of (name, value) as on the wire, folded lines joined. body: bytes.
    fault: the MessageError that `check` will raise for what `parse` saw, or None.
    """

    def __init__(self, method="", uri="", status=0, reason=""):
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.headers = []
        self.body = b""
        self.fault = None

    def get(self, name):
        """The first value of the header field `name` (its long form, as RFC 3261 spells it), or None."""
        found = self.fields(name)
        return found[0] if found else None

    def fields(self, name):
        """Every field of that name, each as it stands: for challenges, whose values hold commas."""
        sizes = (1, len(name))
        return [
            value
            for other, value in self.headers
            if other == name or (len(other) in sizes and _same(other, name))
        ]

    def values(self, name):
        """Every value of `name`, one a list entry, comma-separated ones taken apart (section 7.3.1)."""
        found = []
        for value in self.fields(name):
            if value:
                found.extend(header.split(value))
        return found

    def add(self, name, value):
        """Append a header field; returns the message, so that calls can be chained."""
        self.headers.append((name, str(value)))
        return self

    def remove(self, name):
        """Take every field of that name out."""
        self.headers = [pair for pair in self.headers if not _same(pair[0], name)]

    def put_first(self, name, values):
        """Replace all fields `name` by `values`, one a line, above everything else."""
        self.remove(name)
        self.headers = [(name, str(value)) for value in values] + self.headers

    def via(self):
        """The topmost Via. Raises MessageError 400."""
        return _parsed(header.via, "Via", self.values("Via"))

    def cseq(self):
        """(number, method) of CSeq. Raises MessageError 400."""
        return _parsed(header.cseq, "CSeq", self.fields("CSeq"))

    def address(self, name):
        """The first Address of From, To, Contact, Route … Raises MessageError 400."""
        # From and To are no lists, and a display name that should be quoted may hold a comma.
        values = self.fields(name) if name in _SINGLE else self.values(name)
        return _parsed(header.address, name, values)

    def tag(self, name):
        """The tag of From or To, or "". Raises MessageError 400."""
        return self.address(name).params.get("tag") or ""

    def encode(self):
        """The message as bytes, with the Content-Length that its body has."""
        if self.status:
            lines = ["SIP/2.0 %d %s" % (self.status, self.reason)]
        else:
            lines = ["%s %s SIP/2.0" % (self.method, self.uri)]
        for name, value in self.headers:
            if len(name) not in (1, 14) or not _same(name, "Content-Length"):
                lines.append("%s: %s" % (name, value))
        lines.append("Content-Length: %d\r\n\r\n" % len(self.body))
        return "\r\n".join(lines).encode() + self.body


def _parsed(parser, name, values):
    """What `parser` makes of the first of the values of the header field `name`."""
    if not values or not values[0]:
        raise MessageError(400, "Missing " + name)
    try:
        return parser(values[0])
    except ValueError:
        raise MessageError(400, "Bad " + name)


def _same(name, wanted):
    """Whether a header name on the wire is `wanted`, in any case and in its compact form."""
    if len(name) == 1:
        return _COMPACT.get(name.lower()) == wanted
    return name == wanted or name.lower() == wanted.lower()


def parse(data):
    """The Message in a datagram (bytes); None when it is only a keep-alive (RFC 5626 section 4.4.1).

    Raises MessageError for what is dropped: whose start line and header fields cannot be told apart, and
    what would cost too much. What can be told apart is judged by `check`.
    """
    if len(data) > MAX_BYTES:
        raise MessageError(513, "Message Too Large")
    data = data.lstrip(b"\r\n")  # section 7.5
    if not data:
        return None
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise MessageError(400, "Not SIP")
    text = text_of(head)
    if text.count(",") + text.count(";") > MAX_PARTS:
        raise MessageError(513, "Message Too Large")
    # Whom we pass it on to may take a lone CR or LF for the end of a line.
    if not text.count("\r") == text.count("\n") == text.count("\r\n"):
        raise MessageError(400, "Not SIP")
    text = text.replace("\r\n ", " ").replace("\r\n\t", " ")  # section 7.3.1
    lines = text.split("\r\n", MAX_HEADERS + 1)
    if len(lines) > MAX_HEADERS + 1:
        raise MessageError(513, "Message Too Large")
    message = _start_line(lines[0])
    message.body = body
    for i in range(1, len(lines)):
        name, colon, value = lines[i].partition(":")
        name = name.rstrip()
        if not colon or not name or " " in name or "\t" in name:
            raise MessageError(400, "Not SIP")
        message.headers.append((name, value.strip()))
    return message


def _start_line(line):
    if line[:8].upper() == "SIP/2.0 ":
        code = line[8:11]
        # Anything else of three characters stands below "100", above "699" or is no digit.
        is_code = len(code) == 3 and "100" <= code <= "699" and not code.strip("0123456789")
        if not is_code or line[11:12] not in ("", " "):
            raise MessageError(400, "Not SIP")
        return Message(status=int(code), reason=line[12:])
    # What stands between the first and the last space is the request-URI, right or wrong.
    method, _, rest = line.rstrip().partition(" ")
    uri, _, version = rest.rpartition(" ")
    version = version.upper()
    if not method or not uri or not version.startswith("SIP/"):
        raise MessageError(400, "Not SIP")
    message = Message(method, uri)
    if version != "SIP/2.0":
        message.fault = MessageError(505, "Version Not Supported")
    return message


def check(message):
    """Raise the MessageError that `message` deserves, if any (RFC 3261 sections 8.1.1, 8.2, 18.3).

    A body longer than its Content-Length is cut to it; that is the datagram's padding.
    """
    if message.fault:
        raise message.fault
    single = {}
    for name in _SINGLE:
        values = single[name] = message.fields(name)
        if len(values) > 1:
            raise MessageError(400, "More than one " + name)
    _parsed(header.address, "From", single["From"])
    _parsed(header.address, "To", single["To"])
    _parsed(str, "Call-ID", single["Call-ID"])
    cseq = _parsed(header.cseq, "CSeq", single["CSeq"])
    for value in message.values("Via") or [""]:
        _parsed(header.via, "Via", [value])
    if not message.status:
        if cseq[1] != message.method:
            raise MessageError(400, "CSeq says another method")
        try:
            uri = parse_uri(message.uri)
        except ValueError:
            raise MessageError(400, "Bad Request-URI")
        if not uri.is_sip():
            raise MessageError(416, "Unsupported URI Scheme")
        if uri.headers:  # only a URI that is yet to become a request has them (section 19.1.1)
            raise MessageError(400, "Bad Request-URI")
    for length in single["Content-Length"]:
        try:
            message.body = message.body[: number(length, len(message.body))]
        except ValueError:
            raise MessageError(400, "Bad Content-Length")


def response_to(request, status, reason="", to_tag=""):
    """A response to `request` (RFC 3261 section 8.2.6): Via, From, To, Call-ID, CSeq … are copied.

    to_tag: goes into a To that has none.
    """
    response = Message(status=status, reason=reason or REASONS.get(status, ""))
    for name, value in request.headers:
        for copied in _COPIED:
            if _same(name, copied) and (copied != "Record-Route" or status < 300):
                if copied == "To" and to_tag:
                    value = _tagged(value, to_tag)
                response.headers.append((copied, value))
                break
    return response


def _tagged(to, tag):
    try:
        return to if header.tag(to) else "%s;tag=%s" % (to, tag)
    except ValueError:
        return to  # who wrote this finds it again as it was


def derived(request, method):
    """The start of an ACK or CANCEL for `request`: its URI, top Via, Route, From, Call-ID, CSeq number.

    RFC 3261 sections 9.1 and 17.1.1.3. The To header is the caller's to add.
    """
    message = Message(method, request.uri)
    message.add("Via", request.values("Via")[0])
    message.add("Max-Forwards", 70)
    for name in ("Route", "From", "Call-ID"):
        for value in request.fields(name):
            message.add(name, value)
    message.add("CSeq", "%d %s" % (request.cseq()[0], method))
    return message
