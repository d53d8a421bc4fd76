"""The registrar (RFC 3261 section 10.3): REGISTER in, bindings out of a location service."""

from micropython import const

from . import header, uri
from .message import REASONS, MessageError, response_to

DEFAULT_EXPIRES_S = const(3600)
_LONGEST_S = const(7200)
_MOST_BINDINGS = const(10)  # of one address-of-record


REASONS.update({403: "Forbidden", 423: "Interval Too Brief"})


class Binding:
    """One contact of an address-of-record. hop: where its REGISTER came from; expires_at: clock seconds."""

    def __init__(self, contact, hop, call_id, cseq, expires_at):
        self.contact = contact
        self.hop = hop
        self.call_id = call_id
        self.cseq = cseq
        self.expires_at = expires_at


class Location:
    """A location service in memory. `aor` is user@domain. A database offers the same three methods."""

    def __init__(self, clock):
        self.clock = clock
        self._table = {}

    def bindings(self, aor):
        """The Bindings of `aor` that have not expired, as a list."""
        now = self.clock()
        found = [binding for binding in self._table.get(aor, ()) if binding.expires_at > now]
        self._table[aor] = found
        return list(found)

    def save(self, aor, binding):
        """Add `binding`, or replace the one with its contact."""
        self.remove(aor, binding.contact)
        self._table.setdefault(aor, []).append(binding)

    def remove(self, aor, contact):
        self._table[aor] = [each for each in self._table.get(aor, ()) if each.contact != contact]


class Registrar:
    """Answers REGISTER for the accounts of `authenticator`. A user registers only his own address."""

    def __init__(self, location, authenticator, shortest_s=60):
        self.location = location
        self.authenticator = authenticator
        self.shortest_s = shortest_s

    def answer(self, request, source, to_tag):
        """The response to a REGISTER that came from the hop `source` (the steps of section 10.3)."""
        user, stale = self.authenticator.user_of(request, "Authorization")
        if user is None:
            return self.authenticator.challenge(request, 401, to_tag, stale)
        try:
            to = uri.parse(request.address("To").uri)
            if uri.unescape(to.user or "") != user:
                return response_to(request, 403, "", to_tag)
            aor = aor_of(to)
            expires_s = self._update(request, source, aor)
        except ValueError as error:
            status = error.status if isinstance(error, MessageError) else 400
            return response_to(request, status, str(error), to_tag)
        if expires_s is None:
            response = response_to(request, 423, "", to_tag)
            return response.add("Min-Expires", self.shortest_s)
        response = response_to(request, 200, "", to_tag)
        now = self.location.clock()
        for binding in self.location.bindings(aor):
            left = int(binding.expires_at - now + 0.5)
            response.add("Contact", "<%s>;expires=%d" % (binding.contact, left))
        return response

    def _update(self, request, source, aor):
        """Bring the bindings of `aor` to what the request says. None when an expiry is too brief."""
        location = self.location
        call_id, cseq = request.get("Call-ID"), request.cseq()[0]
        default = _seconds(request.get("Expires"), DEFAULT_EXPIRES_S)
        contacts = request.values("Contact")
        known = location.bindings(aor)
        changes = []  # (contact, seconds, the bindings that it replaces)
        if contacts == ["*"]:
            if default:
                raise MessageError(400, "Contact * goes with Expires 0")
            changes = [("", 0, known)]
            contacts = []
        for value in contacts:
            contact = header.address(value)
            parsed = uri.parse(contact.uri)
            expires_s = _seconds(contact.params.get("expires"), default)
            if 0 < expires_s < self.shortest_s:
                return None
            old = [each for each in known if same_uri(uri.parse(each.contact), parsed)]
            changes.append((contact.uri, expires_s, old))
        count = len(known)
        for _, expires_s, old in changes:
            count += bool(expires_s) - len(old)
            for binding in old:
                if binding.call_id == call_id and binding.cseq >= cseq:
                    raise MessageError(500, "An older REGISTER")
        if count > _MOST_BINDINGS:
            raise MessageError(403, "Too many contacts")
        for contact, expires_s, old in changes:
            for binding in old:
                location.remove(aor, binding.contact)
            if expires_s:
                expires_at = location.clock() + expires_s
                location.save(aor, Binding(contact, source, call_id, cseq, expires_at))
        return default


def aor_of(parsed):
    """The canonical form of an address-of-record (section 10.3, step 5): user@domain, unescaped."""
    return "%s@%s" % (uri.unescape(parsed.user or ""), parsed.host)


def _seconds(text, default):
    """A delta-seconds, or `default` when it is absent or malformed (section 20.19)."""
    try:
        return min(uri.number(text, (1 << 32) - 1), _LONGEST_S)
    except ValueError:
        return default


def same_uri(one, other):
    """Whether two Uri mean the same resource (RFC 3261 section 19.1.4)."""
    if (one.scheme, one.host, one.port) != (other.scheme, other.host, other.port):
        return False
    if (one.user is None) != (other.user is None) or one.password != other.password:
        return False
    if one.user is not None and uri.unescape(one.user) != uri.unescape(other.user):
        return False
    # transport: the text would ignore one that stands on one side only; its examples do not.
    for name in ("user", "ttl", "method", "maddr", "transport"):
        if (name in one.params) != (name in other.params):
            return False
    for name, value in one.params.items():
        if name in other.params and (other.params[name] or "").lower() != (value or "").lower():
            return False
    return sorted(one.headers.lower().split("&")) == sorted(other.headers.lower().split("&"))
