"""Digest access authentication, MD5 with qop=auth or none (RFC 3261 section 22, RFC 7616).

`Challenge` answers for a client; what a server asks and checks is the authenticator's business.
"""

import hashlib
from binascii import hexlify

from . import header


def md5(text):
    """The MD5 of a str as 32 lower-case hexadecimal digits."""
    return hexlify(hashlib.md5(text.encode()).digest()).decode()


def response_of(ha1, params, method, uri):
    """The `response` that the digest parameters of one Authorization call for (RFC 7616 section 3.4.1).

    ha1: MD5 of user:realm:password. params: dict with nonce and, under qop=auth, nc, cnonce, qop.
    """
    middle = params.get("nonce") or ""
    if params.get("qop"):
        middle += ":%s:%s:%s" % (params.get("nc"), params.get("cnonce"), params["qop"])
    return md5("%s:%s:%s" % (ha1, middle, md5(method + ":" + uri)))


def scheme_and_parameters(value):
    """("digest", dict) of a challenge or of credentials. Commas stand between the parameters."""
    scheme, _, rest = value.strip().replace("\t", " ").partition(" ")
    return scheme.lower(), header.parameters(header.split(rest))


class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate, and how often its nonce was used.

    Raises ValueError, with a sentence, for one that we cannot answer.
    """

    def __init__(self, value):
        scheme, params = scheme_and_parameters(value)
        if scheme != "digest" or not params.get("nonce") or params.get("realm") is None:
            raise ValueError("the server asks for something other than a digest: " + value[:60])
        for name in params:
            if (
                " " in name
            ):  # RFC 3261 has one challenge in a field; the parameters of two must not mix
                raise ValueError("the server's challenge holds a second one: " + name[:60])
        self.algorithm = params.get("algorithm")
        if (self.algorithm or "MD5").upper() != "MD5":
            raise ValueError("the server asks for the digest algorithm " + self.algorithm[:60])
        qop = params.get("qop")
        if qop and "auth" not in [word.strip() for word in qop.lower().split(",")]:
            raise ValueError("the server asks for qop=" + qop[:60])
        self.realm = params["realm"]
        self.nonce = params["nonce"]
        self.opaque = params.get("opaque")
        self.qop = "auth" if qop else None
        self.is_stale = (params.get("stale") or "").lower() == "true"
        self.count = 0

    def answer(self, user, password, method, uri, cnonce):
        """The value of the Authorization or Proxy-Authorization header for one request."""
        self.count += 1
        params = {"nonce": self.nonce}
        if self.qop:
            params.update({"qop": "auth", "nc": "%08x" % self.count, "cnonce": cnonce})
        ha1 = md5("%s:%s:%s" % (user, self.realm, password))
        text = "Digest username=%s, realm=%s, nonce=%s, uri=%s, response=%s" % (
            header.quote(user),
            header.quote(self.realm),
            header.quote(self.nonce),
            header.quote(uri),
            header.quote(response_of(ha1, params, method, uri)),
        )
        if self.algorithm:
            text += ", algorithm=" + self.algorithm
        if self.opaque is not None:
            text += ", opaque=" + header.quote(self.opaque)
        if self.qop:
            text += ', qop=auth, nc=%s, cnonce="%s"' % (params["nc"], cnonce)
        return text
