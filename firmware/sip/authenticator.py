"""The server's side of digest authentication (RFC 3261 section 22, RFC 7616): asking and checking.

Nonces carry their time and a keyed hash, so that none has to be remembered.
"""

from micropython import const

from . import digest, header
from .message import REASONS, response_to
from .uri import number

_NONCE_LIFE_S = const(300)

REASONS.update({401: "Unauthorized", 407: "Proxy Authentication Required"})


class Authenticator:
    """Asks for the passwords of one realm.

    password_of(user) → str or None. clock() → seconds. random(n) → n random bytes.
    """

    def __init__(self, realm, password_of, clock, random):
        self.realm = realm
        self.password_of = password_of
        self.clock = clock
        self._key = random(16)

    def challenge(self, request, status, to_tag, stale=False):
        """The 401 or 407 to `request`."""
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        value = 'Digest realm=%s, nonce="%s", algorithm=MD5, qop="auth"%s' % (
            header.quote(self.realm),
            self._nonce(int(self.clock())),
            ", stale=true" if stale else "",
        )
        return response_to(request, status, "", to_tag).add(name, value)

    def user_of(self, request, name):
        """(user, stale): the user that the credentials in header `name` prove, or None; stale when only the
        nonce has aged."""
        for value in request.fields(name):
            scheme, params = digest.scheme_and_parameters(value)
            if scheme != "digest" or params.get("realm") != self.realm:
                continue
            user = params.get("username") or ""
            password = self.password_of(user)
            nonce = params.get("nonce") or ""
            time = _time_of(nonce)
            if password is None or nonce != self._nonce(time):
                continue
            ha1 = digest.md5("%s:%s:%s" % (user, self.realm, password))
            uri = params.get("uri") or ""
            if params.get("response") != digest.response_of(ha1, params, request.method, uri):
                continue
            if 0 <= self.clock() - time <= _NONCE_LIFE_S:
                return user, False
            return None, True
        return None, False

    def take_own(self, request, name):
        """Take the credentials for our realm out of a request that is forwarded (RFC 3261 section 22.3)."""
        others = []
        for value in request.fields(name):
            if digest.scheme_and_parameters(value)[1].get("realm") != self.realm:
                others.append(value)
        request.remove(name)
        for value in others:
            request.add(name, value)

    def _nonce(self, time):
        return "%d-%s" % (time, digest.md5("%d:%s:%s" % (time, self._key, self.realm)))


def _time_of(nonce):
    """The seconds with which a nonce of ours begins; -1 for another's."""
    try:
        return number(nonce.split("-")[0], (1 << 33) - 1)
    except ValueError:
        return -1
