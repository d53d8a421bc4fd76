"""The user agent (RFC 3261 section 8): accounts, registrations, calls, and what is answered to whom.

    agent = Agent(host, port, os.urandom)
    registration = agent.register(account, "sip:pbx.example", 120, now)
    call = agent.invite(account, "sip:201@pbx.example", offer, now)
    agent.receive(data, source, now)      each datagram that arrives
    agent.advance(now)                    when agent.wait_ms(now) has passed
    agent.outbox, agent.events            to be emptied after each of these

events: tuples (name, subject, detail), listed at `Registration` and `Call`.

`methods` is the hook for extensions: a module adds handler(transaction, request, call) under a
method's name, where call is the Call whose dialog the request is in, or None; `supported` holds the option tags.
"""

from micropython import const

from . import call as calls
from . import header, uri
from . import message as messages
from .call import Call
from .endpoint import Endpoint
from .message import MessageError
from .registration import Registration

PRODUCT = "Sipdoor/0.1"
_MOST_CALLS = const(8)  # with as many, one more that comes in gets a 503


class Agent:
    """One user agent at one address. host, port: as peers reach us. random: random(n) → n bytes."""

    def __init__(self, host, port, random):
        self.endpoint = Endpoint(host, port, random)
        self.endpoint.core = self
        self.outbox = self.endpoint.outbox
        self.account = None  # whose name answers a call
        self.calls = []
        self.most_calls = _MOST_CALLS
        self.registrations = []
        self.events = []
        self.supported = []
        self.methods = {
            "INVITE": self._on_invite,
            "BYE": self._on_bye,
            "CANCEL": self._on_cancel,
            "OPTIONS": self._on_options,
        }

    def register(self, account, registrar, expires_s, now):
        """Keep `account` registered at the registrar's URI. Returns the Registration."""
        registration = Registration(self, account, registrar, expires_s)
        self.registrations.append(registration)
        registration.start(now)
        return registration

    def invite(self, account, target, offer, now):
        """Call the URI `target` with an SDP offer (bytes). Returns the Call. Raises ValueError when it is no URI."""
        uri.parse(target)
        self.endpoint.timers.now = now
        call = Call(self, account, target, calls.INVITING)
        self.calls.append(call)
        call.invite(offer)
        return call

    def receive(self, data, source, now):
        self.endpoint.receive(data, source, now)

    def advance(self, now):
        self.endpoint.timers.advance(now)

    def wait_ms(self, now):
        """ms until `advance` has something to do, or None."""
        return self.endpoint.timers.wait_ms(now)

    def after(self, delay_ms, action, argument, now):
        """Call action(argument) once, `delay_ms` from now. Returns a Timer with .cancel()."""
        self.endpoint.timers.now = now
        return self.endpoint.timers.start(delay_ms, action, argument)

    # What calls, registrations and extensions ask of their agent

    def report(self, name, subject, detail):
        self.events.append((name, subject, detail))

    def forget(self, call):
        if call in self.calls:
            self.calls.remove(call)

    def own_address(self, account):
        return header.Address(account.aor, account.display)

    def contact(self, account):
        """Where this agent is reached for the account: an Address."""
        user = uri.parse(account.aor).user if account else "door"
        return header.Address("sip:%s@%s:%d" % (user, self.endpoint.host, self.endpoint.port))

    def introduce(self, message):
        """Say who we are and what we can, in a request or a response."""
        message.add("Allow", ", ".join(sorted(self.methods)) + ", ACK")
        if self.supported:
            message.add("Supported", ", ".join(self.supported))
        message.add("User-Agent" if not message.status else "Server", PRODUCT)

    # The endpoint's core

    def on_request(self, transaction, request):
        """Serve a request, checked in the order of RFC 3261 section 8.2. What raises ValueError gets a 400."""
        method = request.method
        handler = self.methods.get(method)
        if handler is None:
            response = self._response(request, 405)
            self.introduce(response)
            transaction.respond(response)
            return
        if not uri.parse(request.uri).is_sip():
            raise MessageError(416, "Not a SIP URI")
        refused = [tag for tag in request.values("Require") if tag not in self.supported]
        if refused and method != "CANCEL":
            response = self._response(request, 420)
            transaction.respond(response.add("Unsupported", ", ".join(refused)))
            return
        call = None
        tag = request.tag("To")
        if tag and method != "CANCEL":
            call = self._call_of(request, tag)
            if call is None:
                raise MessageError(481, "")
            cseq = request.cseq()[0]
            if cseq < call.dialog.remote_cseq:
                raise MessageError(500, "Lower CSeq")  # section 12.2.2
            call.dialog.remote_cseq = cseq
        handler(transaction, request, call)

    def on_ack(self, _transaction, ack):
        call = self._call_of(ack, ack.tag("To"))
        if call:
            call.handle(calls.ACK)

    def on_timeout(self, transaction):
        """Nobody acknowledged our refusal: there is nothing left to do about it."""

    def _call_of(self, request, local_tag):
        call_id, remote_tag = request.get("Call-ID"), request.tag("From")
        for call in self.calls:
            if call.dialog and call.dialog.matches(call_id, local_tag, remote_tag):
                return call
        return None

    def _response(self, request, status, to_tag=""):
        return messages.response_to(request, status, "", to_tag or self.endpoint.token(4))

    def _on_invite(self, transaction, request, call):
        if call:
            call.receive_reinvite(transaction)
            return
        if len(self.calls) >= self.most_calls:
            raise MessageError(503, "Too many calls")
        identity = (request.get("Call-ID"), request.tag("From"), request.cseq()[0])
        for other in self.calls:
            dialog = other.dialog
            if dialog and (dialog.call_id, dialog.remote_tag, dialog.remote_cseq) == identity:
                raise MessageError(482, "It came another way before")  # section 8.2.2.2
        call = Call(self, self.account, request.address("From").uri, calls.INCOMING)
        call.receive_invite(transaction)
        self.calls.append(call)

    def _on_bye(self, transaction, request, call):
        transaction.respond(self._response(request, 200 if call else 481))
        if call:
            call.handle(calls.BYE)

    def _on_cancel(self, transaction, request, _call):
        invite = self.endpoint.invite_that(request)
        if invite is None:
            raise MessageError(481, "")
        call = invite.user
        if call is self:  # refused already
            transaction.respond(self._response(request, 200))
        else:
            transaction.respond(self._response(request, 200, call.local_tag))
            call.handle(calls.CANCEL)

    def _on_options(self, transaction, request, _call):
        response = self._response(request, 200)
        self.introduce(response)
        transaction.respond(response.add("Accept", "application/sdp"))
