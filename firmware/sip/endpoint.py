"""Where datagrams come in and go out: parsing, refusing, and finding the transaction that a message
belongs to (RFC 3261 sections 17.1.3, 17.2.3, 18; RFC 3581).

User agent and proxy stand on this: they are its `core`, which hears of
    core.on_request(transaction, request)    a new request; answer with transaction.respond(...)
    core.on_ack(None, ack)                   an ACK that belongs to no transaction: that of a 2xx
A hop is (transport, host, port), transport in capitals: where a message goes, or came from.
"""

from binascii import hexlify

from micropython import const

from . import message as messages
from . import transaction as transactions
from .header import Via
from .timers import Timers
from .transaction import Transaction

MAGIC = "z9hG4bK"  # RFC 3261 section 8.1.1.7

# Requests that are remembered at a time; those beyond get a 503. Each costs some 2 KB for up to 32 s.
_MOST_SERVERS = const(16)
# Transactions that are over and only wait for stragglers. Of more the oldest is let go: what it would have absorbed is
# then dropped or answered anew, and a bell that children press ten times does not fill the memory.
_MOST_LINGERING = const(6)


class Endpoint:
    """One address on the network.

    host, port: what stands in our Via and Contact. random: random(n) gives n random bytes.
    outbox: list of (bytes, hop) to send, emptied by whoever owns the socket.
    clients, servers: transactions by their key (sections 17.1.3 and 17.2.3).
    """

    def __init__(self, host, port, random):
        self.host = host
        self.port = port
        self.random = random
        self.core = None
        self.timers = Timers()
        self.outbox = []
        self.clients = {}
        self.servers = {}
        self.most_servers = _MOST_SERVERS
        self.most_lingering = _MOST_LINGERING
        self._lingering = []  # the oldest first

    def token(self, length_bytes=8):
        """Random hexadecimal digits, for tags, branches and Call-IDs."""
        return hexlify(self.random(length_bytes)).decode()

    def send(self, data, hop):
        self.outbox.append((data, hop))

    def request(self, request, hop, user):
        """Send `request` to `hop` in a new client transaction, under a new Via. Returns the Transaction."""
        branch = self.stamp(request, hop)
        return self._begin(request, branch, hop, user)

    def cancel(self, invite):
        """Send the CANCEL of the client transaction `invite`, under the same Via (section 9.1)."""
        request = invite.request
        cancel = messages.derived(request, "CANCEL").add("To", request.get("To"))
        self._begin(cancel, invite.key[0], invite.hop, transactions.Nobody())

    def stamp(self, request, hop):
        """Put a Via of ours on top of a request to `hop`. Returns its branch."""
        branch = MAGIC + self.token()
        via = Via(hop[0], self.host, self.port, {"branch": branch, "rport": None})
        request.put_first("Via", [via] + request.values("Via"))
        return branch

    def _begin(self, request, branch, hop, user):
        is_invite = request.method == "INVITE"
        machine = transactions.INVITE_CLIENT if is_invite else transactions.CLIENT
        key = (branch, request.method)
        transaction = self.clients[key] = Transaction(self, key, machine, request, hop, user)
        transaction.begin()
        return transaction

    def receive(self, data, source, now):
        """Take one datagram (or one message of a stream) from the hop `source` at `now` ms.

        Never raises: what is not SIP is dropped, what is wrong is answered as RFC 3261 says.
        """
        self.timers.now = now
        try:
            message = messages.parse(data)
            if message is None:
                return
            if message.status:
                self._receive_response(message)
            else:
                self._receive_request(message, source)
        except ValueError:
            return  # nothing to answer, or nobody

    def _receive_response(self, response):
        messages.check(response)
        key = (response.via().params.get("branch"), response.cseq()[1])
        transaction = self.clients.get(key)
        if transaction:
            transaction.receive(response)

    def _receive_request(self, request, source):
        via = request.via()
        stamp_source(request, via, source)
        # Over a connection the answer takes the same one; a datagram's goes where section 18.2.2 says.
        back = source
        if source[0] == "UDP" and "rport" not in via.params:
            back = ("UDP", source[1], via.port or 5060)
        try:
            messages.check(request)
            key = _server_key(request, via)
        except ValueError as error:
            self._refuse(request, back, error)
            return
        transaction = self.servers.get(key)
        if transaction:
            transaction.receive(request)
        elif request.method == "ACK":
            self.core.on_ack(None, request)
        elif len(self.servers) >= self.most_servers:
            self._refuse(request, back, messages.MessageError(503, "Too many requests"))
        else:
            is_invite = request.method == "INVITE"
            machine = transactions.INVITE_SERVER if is_invite else transactions.SERVER
            transaction = Transaction(self, key, machine, request, back, self.core, source)
            self.servers[key] = transaction
            try:
                self.core.on_request(transaction, request)
            except ValueError as error:
                transaction.respond(self._refusal(request, error))

    def _refuse(self, request, hop, error):
        """Answer without a transaction."""
        if request.method != "ACK":
            self.send(self._refusal(request, error).encode(), hop)

    def _refusal(self, request, error):
        """The response that says what a ValueError found wrong; its status is 400 where the error names none."""
        status = error.status if isinstance(error, messages.MessageError) else 400
        return messages.response_to(request, status, str(error), self.token(4))

    def invite_that(self, cancel):
        """The INVITE server transaction that a CANCEL is about, or None (RFC 3261 section 9.2)."""
        identity = _server_key(cancel, cancel.via())[0]
        return self.servers.get((identity, "INVITE"))

    def linger(self, transaction):
        """Take note of a transaction that only waits for stragglers."""
        self._lingering.append(transaction)
        self.let_go(self.most_lingering)

    def let_go(self, most):
        """End the oldest transactions that linger, until there are `most`."""
        while len(self._lingering) > most:
            self._lingering[0].end()

    def forget(self, transaction):
        if transaction in self._lingering:
            self._lingering.remove(transaction)
        for table in (self.clients, self.servers):
            if table.get(transaction.key) is transaction:
                del table[transaction.key]


def stamp_source(request, via, source):
    """Write received and rport into the top Via as the receiver must (RFC 3261 18.2.1, RFC 3581 4)."""
    if "rport" in via.params or via.host != source[1]:
        via.params["received"] = source[1]
        if "rport" in via.params:
            via.params["rport"] = str(source[2])
        request.put_first("Via", [via] + request.values("Via")[1:])


def _server_key(request, via):
    """What makes two requests the same transaction (RFC 3261 section 17.2.3).

    An ACK has the key of its INVITE; a CANCEL shares the first half of it.
    """
    method = request.method
    branch = via.params.get("branch") or ""
    if not branch.startswith(MAGIC) or len(branch) == len(MAGIC):  # a peer of RFC 2543
        branch = "%s %s %d" % (request.get("Call-ID"), request.tag("From"), request.cseq()[0])
    identity = "%s@%s:%d" % (branch, via.host, via.port)
    return (identity, "INVITE" if method == "ACK" else method)
