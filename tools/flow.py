"""What the datagrams of a call tell: SIP messages, RTP streams and digits, as rows of a ladder.

It reads SIP (RFC 3261), SDP (RFC 4566), RTP (RFC 3550) and telephone-event (RFC 4733) with a few
lines of its own: a picture drawn with the door's parser would share its faults. It does not judge
what it sees, and knows no RTCP and no encrypted digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tools.pcap import Endpoint, Packet

STATIC_CODECS = {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 18: "G729"}
TELEPHONE_EVENT = "telephone-event"
NOT_SPEECH = (TELEPHONE_EVENT, "CN")
DIGITS = "0123456789*#ABCD"
# A stream that no SDP announced is believed to be RTP from so many packets on.
UNANNOUNCED_PACKETS = 5

REQUEST, PROVISIONAL, SUCCESS, FAILURE = "request", "provisional", "success", "failure"
MEDIA, DIGIT, NOTE = "media", "digit", "note"


class Row(NamedTuple):
    """What is drawn at one height, from one column to another. All labels say the same, shorter."""

    kind: str
    time_ns: int
    end_ns: int
    source: str
    destination: str
    head: str  # what each label starts with, stressed where the medium allows
    labels: tuple[str, ...]
    detail: str
    repeated: bool = False


class _Message:
    """As much of a SIP message as the picture needs. Raises ValueError for anything else."""

    def __init__(self, payload: bytes):
        head, _, body = payload.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
        text = head.decode("utf-8", "replace").replace("\n ", " ").replace("\n\t", " ")
        self.first_line, *lines = ["".join(filter(str.isprintable, t)) for t in text.split("\n")]
        words = self.first_line.split(" ", 2)
        if len(words) != 3 or "SIP/2.0" not in (words[0], words[2]):
            raise ValueError(self.first_line)
        self.is_request = words[0] != "SIP/2.0"
        self.method, self.uri = words[:2] if self.is_request else ("", "")
        self.status = 0 if self.is_request else int(words[1])
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        self.cseq, _, self.cseq_method = headers.get("cseq", "").partition(" ")
        content_type = headers.get("content-type", headers.get("c", "")).lower()
        self.media = (
            _sdp_media(body) if "sdp" in content_type or "multipart" in content_type else []
        )

    def labels(self, repeated: bool) -> tuple[str, tuple[str, ...]]:
        """What is stressed, and the whole from long to short."""
        if self.is_request:
            uri = self.uri.split(";")[0].split("?")[0]
            user, at, _ = uri.partition("@")
            head = self.method
            starts = [f"{head} {uri} ({self.cseq})", f"{head} ({self.cseq})", head]
            if at:
                starts.insert(1, f"{head} {user}@… ({self.cseq})")
        else:
            head = self.first_line.removeprefix("SIP/2.0").strip()
            starts = [f"{head} ({self.cseq_method.strip()})", head]
        if repeated:
            return head, tuple(f"{start} retransmission" for start in starts) + (head,)
        if not self.media:
            return head, tuple(starts)
        codecs = [codec for media in self.media for codec in media.codecs.values()]
        speech = " ".join(dict.fromkeys(codec for codec in codecs if codec not in NOT_SPEECH))
        endings = (f" SDP {speech}", " SDP") if speech else (" SDP",)
        return head, tuple(start + ending for ending in endings for start in starts) + (head,)

    def kind(self) -> str:
        """The row's kind. A challenge or redirection is provisional: the caller asks again."""
        if self.is_request:
            return REQUEST
        if self.status < 200 or self.status // 100 == 3 or self.status in (401, 407):
            return PROVISIONAL
        return SUCCESS if self.status < 300 else FAILURE


class _Media(NamedTuple):
    """One m= line of an SDP description: where its media goes, and the payload types."""

    endpoint: Endpoint
    codecs: dict[int, str]
    encrypted: bool


def _sdp_media(body: bytes) -> list[_Media]:
    host = ""
    found: list[_Media] = []
    for line in body.decode("utf-8", "replace").splitlines():
        words = line[2:].split()
        if line.startswith("c=IN ") and len(words) == 3:
            if not found:
                host = words[2]
            else:
                found[-1] = found[-1]._replace(endpoint=(words[2], found[-1].endpoint[1]))
        elif line.startswith("m=") and len(words) > 3:
            port = words[1].split("/")[0]
            types = [int(word) for word in words[3:] if word.isdecimal()]
            codecs = {number: STATIC_CODECS.get(number, f"type {number}") for number in types}
            endpoint = (host, int(port) if port.isdecimal() else 0)
            found.append(_Media(endpoint, codecs, "SAVP" in words[2]))
        elif line.startswith("a=rtpmap:") and found:
            number, _, encoding = line[9:].partition(" ")
            if number.isdecimal() and int(number) in found[-1].codecs:
                found[-1].codecs[int(number)] = encoding.strip().split("/")[0]
    return found


class _Stream:
    """The RTP packets of one synchronisation source from one endpoint to another."""

    def __init__(self, time_ns: int, sequence: int):
        self.first_ns = self.last_ns = time_ns
        self.packets = 0
        self.codecs: dict[str, None] = {}
        self.digits: dict[int, tuple[int, int, int]] = {}  # by RTP timestamp: ns, event, duration
        self._sequence = sequence
        self._extended = 0
        self._seen: set[int] = set()

    def add(self, time_ns: int, sequence: int, codec: str) -> None:
        step = (sequence - self._sequence + 0x8000) % 0x10000 - 0x8000
        self._extended += step if abs(step) < 3000 else 1  # a jump is a new start, not a loss
        self._sequence = sequence
        self._seen.add(self._extended)
        self.last_ns = time_ns
        self.packets += 1
        if codec not in NOT_SPEECH:
            self.codecs[codec] = None

    @property
    def lost(self) -> int:
        return max(self._seen) - min(self._seen) + 1 - len(self._seen)


class Flow:
    """What the packets have told so far."""

    def __init__(self, names: Mapping[str, str]):
        self.names = names
        self.rows: list[Row] = []
        self.addresses: dict[str, str] = {}
        self._seen: set[tuple[Endpoint, Endpoint, bytes]] = set()
        self._media: dict[Endpoint, _Media] = {}
        self._owners: dict[Endpoint, str] = {}  # who first announced an RTP address as his own
        self._sip_hosts: dict[str, set[str]] = {}
        self._streams: dict[tuple[Endpoint, Endpoint, bytes], _Stream] = {}

    def message(self, packet: Packet) -> None:
        """Take in a SIP message; leave anything else alone."""
        try:
            message = _Message(packet.payload)
        except ValueError:
            return
        repeated = packet[1:] in self._seen
        self._seen.add(packet[1:])
        source = self._sip_participant(packet.source)
        destination = self._sip_participant(packet.destination)
        for media in message.media:
            self._owners.setdefault(media.endpoint, source)
            known = self._media.get(media.endpoint)
            codecs = known.codecs | media.codecs if known else media.codecs
            self._media[media.endpoint] = media._replace(codecs=codecs)
        head, labels = message.labels(repeated)
        time = packet.time_ns
        row = Row(message.kind(), time, time, source, destination, head, labels, message.first_line)
        self.rows.append(row._replace(repeated=repeated))

    def rtp(self, packet: Packet) -> None:
        """Take in an RTP packet; leave anything else alone, RTCP too (RFC 5761, section 4)."""
        data = packet.payload
        if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
            return
        payload_type = data[1] & 0x7F
        # A payload type means what the receiver has announced (RFC 3264, section 5.1).
        to, back = self._media.get(packet.destination), self._media.get(packet.source)
        codecs = [media.codecs for media in (to, back) if media] + [STATIC_CODECS]
        codec = next((c[payload_type] for c in codecs if payload_type in c), f"type {payload_type}")
        key = (packet.source, packet.destination, data[8:12])
        sequence = int.from_bytes(data[2:4], "big")
        stream = self._streams.setdefault(key, _Stream(packet.time_ns, sequence))
        stream.add(packet.time_ns, sequence, codec)
        at = 12 + 4 * (data[0] & 15)
        if codec == TELEPHONE_EVENT and not (to and to.encrypted) and len(data) >= at + 4:
            timestamp = int.from_bytes(data[4:8], "big")
            duration = int.from_bytes(data[at + 2 : at + 4], "big")
            first_ns, event, longest = stream.digits.get(timestamp, (packet.time_ns, data[at], 0))
            stream.digits[timestamp] = (first_ns, event, max(longest, duration))

    def media_rows(self) -> list[Row]:
        rows = []
        for (source, destination, _), stream in self._streams.items():
            announced = self._media.get(destination) or self._media.get(source)
            if not announced and stream.packets < UNANNOUNCED_PACKETS:
                continue
            ends = (self._rtp_participant(source), self._rtp_participant(destination))
            head = "SRTP" if announced and announced.encrypted else "RTP"
            codecs = " ".join((head, *stream.codecs))
            seconds = (stream.last_ns - stream.first_ns) / 1e9
            lost = f" · {stream.lost} lost" if stream.lost else ""
            packets = f"{codecs} · {stream.packets} packets"
            labels = (f"{packets}{lost} · {seconds:.1f} s", f"{packets}{lost}", codecs)
            detail = (
                f"{_address(source)} to {_address(destination)}: "
                f"{stream.packets} packets in {seconds:.2f} s, {stream.lost} lost"
            )
            rows.append(Row(MEDIA, stream.first_ns, stream.last_ns, *ends, head, labels, detail))
            for first_ns, event, duration in stream.digits.values():
                digit = f"DTMF {DIGITS[event]}" if event < len(DIGITS) else f"event {event}"
                detail = f"telephone-event {event}, {duration} samples long"
                rows.append(Row(DIGIT, first_ns, first_ns, *ends, digit, (digit,), detail))
        return rows

    def _sip_participant(self, endpoint: Endpoint) -> str:
        address = _address(endpoint)
        name = self.names.get(address) or self.names.get(endpoint[0]) or address
        if name != address:
            self.addresses.setdefault(name, address)
        self._sip_hosts.setdefault(endpoint[0], set()).add(name)
        return name

    def _rtp_participant(self, endpoint: Endpoint) -> str:
        """The participant that named the address in SDP, or else the only one on that host."""
        address, hosts = _address(endpoint), self._sip_hosts.get(endpoint[0], set())
        name = self.names.get(address) or self._owners.get(endpoint) or self.names.get(endpoint[0])
        return name or (next(iter(hosts)) if len(hosts) == 1 else address)


def _address(endpoint: Endpoint) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
