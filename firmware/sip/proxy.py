"""A stateful, forking, record-routing proxy with a registrar beside it (RFC 3261 section 16).

One Proxy serves one domain: it routes to the bindings of its location service, follows Route into
dialogs that it is part of, and forwards nothing for strangers. `Registrar` and `Authenticator` are handed in.
"""

from micropython import const

from . import digest, header, uri
from . import message as messages
from .endpoint import Endpoint
from .message import MessageError
from .registrar import aor_of

_TIMER_C_MS = const(185000)  # section 16.6, step 11: more than three minutes
_MOST_SERVERS = const(4096)  # requests that are remembered at a time


messages.REASONS.update({404: "Not Found", 408: "Request Timeout", 483: "Too Many Hops"})


class Proxy:
    """The server's core. domains: host names and addresses that are ours, lower case."""

    def __init__(self, host, port, random, domains, registrar, authenticator):
        self.endpoint = Endpoint(host, port, random)
        self.endpoint.core = self
        self.outbox = self.endpoint.outbox
        self.domains = domains
        self.registrar = registrar
        self.authenticator = authenticator
        self.contexts = {}  # server transaction's key → Context
        self.endpoint.most_servers = self.endpoint.most_lingering = _MOST_SERVERS
        self._key = self.endpoint.token(16)

    def receive(self, data, source, now):
        self.endpoint.receive(data, source, now)

    def advance(self, now):
        self.endpoint.timers.advance(now)

    def wait_ms(self, now):
        return self.endpoint.timers.wait_ms(now)

    # The endpoint's core

    def on_request(self, transaction, request):
        """Answer or forward one request (sections 16.3 to 16.6). What raises ValueError is answered with its status."""
        method = request.method
        self._undo_strict_route(request)
        target = uri.parse(request.uri)
        ours = self._is_ours(target)
        for_us = ours and (method == "REGISTER" or method == "OPTIONS" and not target.user)
        if not target.is_sip():
            raise MessageError(416, "Not a SIP URI")
        hops = uri.number(request.get("Max-Forwards") or "70", 255)
        if not hops and not for_us and method != "CANCEL":
            raise MessageError(483, "")
        if request.get("Proxy-Require"):
            response = self._response(request, 420)
            transaction.respond(response.add("Unsupported", request.get("Proxy-Require")))
        elif method == "CANCEL":
            self._cancel(transaction, request)
        elif for_us and method == "REGISTER":
            if not self._is_ours(uri.parse(request.address("To").uri)):
                raise MessageError(404, "Not our domain")
            tag = self.endpoint.token(4)
            transaction.respond(self.registrar.answer(request, transaction.source, tag))
        elif for_us:
            transaction.respond(self._response(request, 200))
        else:
            in_dialog = self._strip_own_route(request)
            if in_dialog:
                targets = [(request.uri, None)]
            else:
                targets = self._targets(transaction, request, target, ours)
            if targets:
                request.put_first("Max-Forwards", [hops - 1])
                self._forward(transaction, request, targets, in_dialog)

    def on_ack(self, _transaction, ack):
        """The ACK of a 2xx is forwarded without a transaction (section 16.11), where we record-routed its dialog."""
        self._undo_strict_route(ack)
        if self._strip_own_route(ack):
            hop = self._next_hop(ack)
            self.endpoint.stamp(ack, hop)
            self.endpoint.send(ack.encode(), hop)

    def on_timeout(self, transaction):
        """Nobody acknowledged a refusal that we passed on."""

    def _targets(self, transaction, request, target, ours):
        """[(URI, hop)] that a request outside our dialogs goes to (section 16.5); empty when it was answered here."""
        if not ours:
            raise MessageError(403, "We serve our own domain only")
        user, stale = self.authenticator.user_of(request, "Proxy-Authorization")
        if user is None:
            tag = self.endpoint.token(4)
            transaction.respond(self.authenticator.challenge(request, 407, tag, stale))
            return []
        if uri.unescape(uri.parse(request.address("From").uri).user or "") != user:
            raise MessageError(403, "Not your address")
        if self.authenticator.password_of(uri.unescape(target.user or "")) is None:
            raise MessageError(404, "")
        bindings = self.registrar.location.bindings(aor_of(target))
        if not bindings:
            raise MessageError(480, "")
        # A binding is reached where its REGISTER came from: its Contact may be an address behind a NAT.
        return [(binding.contact, binding.hop) for binding in bindings]

    def _forward(self, transaction, request, targets, in_dialog):
        self.authenticator.take_own(request, "Proxy-Authorization")
        if request.method == "INVITE":
            transaction.respond(messages.response_to(request, 100))
            if not in_dialog:
                endpoint = self.endpoint
                own = "<sip:%s@%s:%d;lr>" % (self._seal(request), endpoint.host, endpoint.port)
                request.put_first("Record-Route", [own] + request.values("Record-Route"))
        copies = []
        for target, hop in targets:
            copy = messages.Message(request.method, target)
            copy.body = request.body
            copy.headers = list(request.headers)
            copies.append((copy, hop or self._next_hop(copy)))
        context = self.contexts[transaction.key] = Context(self, transaction)
        for copy, hop in copies:
            context.fork(copy, hop)

    def _cancel(self, transaction, cancel):
        """Answer a CANCEL and cancel what the INVITE was forked to (section 16.10)."""
        invite = self.endpoint.invite_that(cancel)
        if invite is None:
            raise MessageError(481, "")
        transaction.respond(self._response(cancel, 200))
        context = self.contexts.get(invite.key)
        if context:
            context.cancel()

    def _is_ours(self, target):
        if target.host in self.domains:
            return target.port in (0, self.endpoint.port)
        return target.host == self.endpoint.host and (target.port or 5060) == self.endpoint.port

    def _seal(self, request):
        """What stands as user in our Record-Route: it proves that we forwarded the INVITE of this dialog.

        Without it anybody could have us forward anything to anybody, with a Route and a To tag made up.
        """
        return digest.md5(self._key + request.get("Call-ID"))[:16]

    def _undo_strict_route(self, request):
        """Put the request-URI right that a strict router replaced by our Record-Route (section 16.4)."""
        routes = request.values("Route")
        if routes and ";lr" in request.uri and self._is_sealed(request, request.uri):
            request.uri = header.address(routes[-1]).uri
            own = "<sip:%s@%s:%d;lr>" % (
                self._seal(request),
                self.endpoint.host,
                self.endpoint.port,
            )
            request.put_first("Route", [own] + routes[:-1])

    def _is_sealed(self, request, route):
        route = uri.parse(route)
        return self._is_ours(route) and route.user == self._seal(request)

    def _strip_own_route(self, request):
        """Take our own Route value off (section 16.4). Whether the request is in a dialog that we are part of."""
        routes = request.values("Route")
        if not routes:
            return False
        first = header.address(routes[0]).uri
        if not self._is_ours(uri.parse(first)):
            return False
        request.put_first("Route", routes[1:])
        return bool(request.tag("To")) and self._is_sealed(request, first)

    def _next_hop(self, request):
        """Where a request in a dialog goes now; a strict router there gets its way (section 16.6, step 6)."""
        routes = request.values("Route")
        if not routes:
            return uri.parse(request.uri).hop()
        route = uri.parse(header.address(routes[0]).uri)
        if "lr" not in route.params:
            request.put_first("Route", routes[1:] + ["<%s>" % request.uri])
            request.uri = str(route)
        return route.hop()

    def _response(self, request, status):
        return messages.response_to(request, status, "", self.endpoint.token(4))


class Context:
    """The response context of one forwarded request (section 16.7): its branches and the best answer so far."""

    def __init__(self, proxy, transaction):
        self.proxy = proxy
        self.server = transaction
        self.request = transaction.request
        self.branches = []
        self.best = None
        self.is_answered = False  # a final response went upstream

    def fork(self, copy, hop):
        """Send a copy of the request to one target."""
        branch = Branch(self)
        self.branches.append(branch)
        branch.send(copy, hop)

    def receive(self, response):
        """A response of one branch."""
        if response.status < 200:
            if not self.is_answered:
                self.server.respond(response)
            return
        if response.status < 300 and self.request.method == "INVITE":
            # Each 2xx of an INVITE goes up at once, that of a second branch too.
            self.is_answered = True
            self.server.respond(response)
            self.cancel()
        elif self.best is None or _rank(response) < _rank(self.best):
            self.best = response
            if response.status >= 600:
                self.cancel()
        if all(each.is_final for each in self.branches):
            self.proxy.contexts.pop(self.server.key, None)
            if not self.is_answered:
                self.is_answered = True
                self.server.respond(self.best)

    def cancel(self):
        """Cancel every branch that still waits: what rings stops ringing."""
        for branch in self.branches:
            branch.cancel()


class Branch:
    """One copy of a forwarded request on its way: a client transaction and timer C."""

    def __init__(self, context):
        self.context = context
        self.endpoint = context.proxy.endpoint
        self.is_final = False
        self._transaction = None
        self._timer_c = None

    def send(self, request, hop):
        self._transaction = self.endpoint.request(request, hop, self)
        if request.method == "INVITE":
            self._start_timer_c(None)

    def cancel(self):
        if not self.is_final:
            self._transaction.withdraw()

    def on_response(self, _transaction, response):
        if response.status == 100:
            return
        if response.status < 200:
            self._start_timer_c(self._timer_c)
        else:
            self._end()
        # As many Via values as came with the request, whatever the far end made of them (section 16.7, step 3).
        response.put_first("Via", self.context.request.values("Via"))
        self.context.receive(response)

    def on_timeout(self, _transaction):
        """Take a final response that never came for received (section 16.8)."""
        self._end()
        request = self.context.request
        self.context.receive(messages.response_to(request, 408, "", self.endpoint.token(4)))

    def _end(self):
        self.is_final = True
        if self._timer_c:
            self._timer_c.cancel()

    def _start_timer_c(self, before):
        if before:
            before.cancel()
        self._timer_c = self.endpoint.timers.start(_TIMER_C_MS, self._on_timer_c, None)

    def _on_timer_c(self, _):
        self.cancel()


def _rank(response):
    """The smallest is the best: 6xx, then the lowest class, in which a challenge comes first (section 16.7, step 6).

    A 408 comes last in its class: the phone that is switched off says less than the one that refused.
    """
    status = response.status
    if status >= 600:
        return 0
    if status in (401, 407, 415, 420, 484):
        return 400
    return 499 if status == 408 else status
