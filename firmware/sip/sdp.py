"""Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream of G.711.

What comes out is a Stream: where to send, in which encoding, and which payload numbers. The
offerer's preference among encodings is followed.
"""

from micropython import const

from .uri import number, text_of

# What one description may cost at most.
MAX_LINES = const(400)
MAX_SECTIONS = const(16)
MAX_FORMATS = const(48)  # that are looked at, of one section

# Encodings that this door speaks, in its order of preference, and their static numbers (RFC 3551).
# Each has a clock of 8 kHz. A codec of its own module adds itself.
ENCODINGS = [("PCMA", 8), ("PCMU", 0)]
_EVENTS = "telephone-event"
_EVENT_TYPE = const(101)
_PTIME_MS = const(20)

# A direction seen from one side, and seen from the other (RFC 3264 section 6.1)
_MIRROR = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class Stream:
    """What was agreed on one audio stream.

    host, port: where our packets go. encoding: "PCMA" or "PCMU". payload_type: its number.
    event_payload_type: that of telephone-event (RFC 4733), or None. ptime_ms: audio per packet
    that we send. sending, receiving: whether there is anything to send or to expect.
    """

    def __init__(self, media, encoding, payload_type, direction):
        self.host = media.host
        self.port = media.port
        self.encoding = encoding
        self.payload_type = payload_type
        self.event_payload_type = media.number_of(_EVENTS)
        self.ptime_ms = media.ptime_ms
        # The unspecified address is how RFC 2543 said hold (RFC 3264 section 8.4).
        self.sending = "send" in direction and media.host not in ("0.0.0.0", "::")
        self.receiving = "recv" in direction


class Media:
    """One m= section: kind, port, protocol, formats (str), host, direction, ptime_ms."""

    def __init__(self, kind, port, protocol, formats, host):
        self.kind = kind
        self.port = port
        self.protocol = protocol
        self.formats = formats
        self.host = host
        self.direction = ""
        self.ptime_ms = _PTIME_MS
        self._maps = {str(static): name + "/8000" for name, static in ENCODINGS}

    def read(self, line):
        """Take one c= or a= line of this section."""
        if line[:2] == "c=":
            self.host = _host(line)
        elif line[:9] == "a=rtpmap:":
            payload_type, _, encoding = line[9:].partition(" ")
            encoding = encoding.strip().upper()
            # One channel is what there is when none are named (RFC 8866 section 6.6).
            self._maps[payload_type] = encoding[:-2] if encoding.endswith("/8000/1") else encoding
        elif line[:8] == "a=ptime:":
            ptime = line[8:].strip()
            try:  # whole ticks of 20 ms, within what a telephone buffers
                self.ptime_ms = min(60, max(_PTIME_MS, number(ptime, 999) // _PTIME_MS * _PTIME_MS))
            except ValueError:
                pass  # it is only what the peer would like
        else:
            self.direction = _direction(line) or self.direction

    def number_of(self, encoding):
        """The payload number under which the section lists `encoding` at 8 kHz, or None."""
        wanted = encoding.upper() + "/8000"
        for payload_type in self.formats.split(None, MAX_FORMATS):
            if self._maps.get(payload_type) == wanted:
                return number(payload_type, 127)
        return None

    def stream(self, direction):
        """The Stream of the first encoding listed that we speak, or None."""
        if self.kind != "audio" or self.protocol != "RTP/AVP" or not self.port:
            return None
        for payload_type in self.formats.split(None, MAX_FORMATS):
            for encoding, _ in ENCODINGS:
                if self._maps.get(payload_type) == encoding + "/8000":
                    return Stream(self, encoding, number(payload_type, 127), direction)
        return None


def parse(body):
    """The Media sections of a description, as a list. Raises ValueError with a sentence."""
    host, direction = "", "sendrecv"
    sections = []
    lines = text_of(body).replace("\r", "").split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        raise ValueError("the session description has too many lines")
    for line in lines:
        line = line.rstrip()
        if line[:2] == "m=":
            words = line[2:].split(None, 3)
            if len(words) < 4:
                raise ValueError("not a media line: " + line[:60])
            if len(sections) == MAX_SECTIONS:
                raise ValueError("the session description has too many media lines")
            port = number(words[1].split("/", 1)[0], 65535)
            sections.append(Media(words[0], port, words[2], words[3], host))
        elif sections:
            sections[-1].read(line)
        elif line[:2] == "c=":
            host = _host(line)
        else:
            direction = _direction(line) or direction
    if not sections:
        raise ValueError("the session description has no media line")
    for media in sections:
        media.direction = media.direction or direction
        if media.port and not media.host:
            raise ValueError("a media line without an address")
    return sections


def _direction(line):
    """The direction that an a= line says, or ""."""
    return line[2:] if line[:2] == "a=" and line[2:] in _MIRROR else ""


def _host(line):
    """The address of `c=IN IP4 host`."""
    words = line[2:].split(None, 3)
    if len(words) != 3 or words[0] != "IN":
        raise ValueError("not a connection line: " + line[:60])
    return words[2].split("/", 1)[0]  # without a multicast TTL


def offer(host, port, session_id):
    """The offer (bytes) of an audio stream that is received at host:port."""
    return _describe(
        host, session_id, [_audio(port, ENCODINGS, _EVENT_TYPE, "sendrecv", _PTIME_MS)]
    )


def answer(body, host, port, session_id, version=1):
    """(answer, Stream) to the offer in `body`. Raises ValueError when nothing in it fits: that is a 488.

    session_id stays and version grows with each description that we send in a call (RFC 3264 section 8).
    """
    sections = []
    taken = None
    for media in parse(body):
        direction = _MIRROR[media.direction]
        stream = None if taken else media.stream(direction)
        if stream and (":" in stream.host) == (":" in host):  # IPv6 cannot reach IPv4
            taken = stream
            encodings = ((stream.encoding, stream.payload_type),)
            events = stream.event_payload_type
            sections.append(_audio(port, encodings, events, direction, stream.ptime_ms))
        else:  # refused (RFC 3264 section 6)
            sections.append("m=%s 0 %s %s\r\n" % (media.kind, media.protocol, media.formats))
    if taken is None:
        raise ValueError(
            "the caller offers no audio that this door speaks (PCMA or PCMU over RTP/AVP)"
        )
    return _describe(host, session_id, sections, version), taken


def agreed(body):
    """The Stream that the answer in `body` to our offer gives. Raises ValueError when it gives none."""
    media = parse(body)[0]
    stream = media.stream(_MIRROR[media.direction])
    if stream is None:
        raise ValueError("the answer takes none of PCMA and PCMU")
    return stream


def _describe(host, session_id, sections, version=1):
    family = "IP6" if ":" in host else "IP4"
    head = "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n"
    numbers = (session_id, version)
    return (head % (numbers + (family, host) * 2) + "".join(sections)).encode()


def _audio(port, encodings, event_type, direction, ptime_ms):
    numbers = [str(number) for _, number in encodings]
    lines = ["a=rtpmap:%d %s/8000" % (number, name) for name, number in encodings]
    if event_type is not None:
        numbers.append(str(event_type))
        lines.append("a=rtpmap:%d %s/8000" % (event_type, _EVENTS))
        lines.append("a=fmtp:%d 0-15" % event_type)
    lines.append("a=ptime:%d" % ptime_ms)
    lines.append("a=" + direction)
    return "m=audio %d RTP/AVP %s\r\n%s\r\n" % (port, " ".join(numbers), "\r\n".join(lines))
