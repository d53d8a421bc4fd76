"""A user agent's request until its final response: sent, challenged, sent again (RFC 3261 8.1, 22.2)."""

from . import digest
from .message import Message

# Challenge header and the header that answers it, by the status that brings them.
_CHALLENGES = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
# Two proxies and the far end may each ask once, or one of two call its nonce stale.
_MOST_ATTEMPTS = 4


class Account:
    """Who we are towards a server.

    aor: our address-of-record as a URI str. hop: where requests go first. user, password: what
    answers its challenges. display: the name that phones show.
    """

    def __init__(self, aor, hop, user, password, display=""):
        self.aor = aor
        self.hop = hop
        self.user = user
        self.password = password
        self.display = display


class Request:
    """One request of `account`, whose `user` hears on_response(request, response) and on_timeout(request).

    Challenges are answered here and not reported. A 401 or 407 that is reported means that the
    credentials were refused or that the challenge cannot be answered; `failure` then says why.
    dialog: the Dialog whose CSeq a repeated request moves on, or None.
    """

    failure = ""
    _attempts = 1

    def __init__(self, endpoint, account, message, hop, user, dialog=None):
        self.endpoint = endpoint
        self.account = account
        self.message = message
        self.hop = hop
        self.user = user
        self.dialog = dialog
        self._challenges = {}  # (name of the credentials' header, realm) → Challenge
        self.transaction = endpoint.request(message, hop, self)

    def withdraw(self):
        """Cancel an INVITE. A challenge that crosses this is its end."""
        self._attempts = _MOST_ATTEMPTS
        self.transaction.withdraw()

    def on_timeout(self, _transaction):
        self.user.on_timeout(self)

    def on_response(self, transaction, response):
        if transaction is not self.transaction:
            return  # a late response to an attempt that was already repeated
        names = _CHALLENGES.get(response.status)
        if names and self.account and self._accepts(response, names):
            self._attempts += 1
            self.transaction = self.endpoint.request(self._again(), self.hop, self)
        else:
            self.user.on_response(self, response)

    def _accepts(self, response, names):
        """Whether a challenge in `response` can be answered; of several, one for each realm."""
        self.failure = "the server sent no challenge"
        if self._attempts == _MOST_ATTEMPTS:
            self.failure = "the server asks for credentials again and again"
            return False
        found = {}
        for value in response.fields(names[0]):
            try:
                challenge = digest.Challenge(value)
            except ValueError as error:
                self.failure = str(error)
                continue
            key = (names[1], challenge.realm)
            if key in self._challenges and not challenge.is_stale:
                self.failure = (
                    "the server refuses the user name %s or its password" % self.account.user
                )
                return False
            if key not in found:  # the server's first choice
                found[key] = challenge
        self._challenges.update(found)
        return bool(found)

    def _again(self):
        """The request once more: CSeq one higher, same Call-ID and From tag, no Via yet (section 22.2)."""
        old, account = self.message, self.account
        number, method = old.cseq()
        new = self.message = Message(method, old.uri)
        new.body = old.body
        for name, value in old.headers:
            if name == "CSeq":
                value = "%d %s" % (number + 1, method)
            if name not in ("Via", "Authorization", "Proxy-Authorization"):
                new.headers.append((name, value))
        for (name, _), challenge in self._challenges.items():
            cnonce = self.endpoint.token()
            new.add(name, challenge.answer(account.user, account.password, method, old.uri, cnonce))
        if self.dialog:
            self.dialog.local_cseq = max(self.dialog.local_cseq, number + 1)
        return new
