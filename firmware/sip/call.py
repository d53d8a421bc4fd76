"""One call, of either side (RFC 3261 sections 9, 13, 15): INVITE to BYE, and every way out of it.

The machine is the table; `Call` does what its rows say. What a call is for (whom to ring, when to
answer) is not known here.
"""

from micropython import const

from . import dialog as dialogs
from . import message as messages
from .request import Request
from .transaction import T1, T2, TIMEOUT_MS, Nobody

# States
INVITING = const(0)  # our INVITE is out
_CANCELLING = const(1)  # ended here before an answer
INCOMING = const(2)  # their INVITE is not answered yet
_ANSWERING = const(3)  # our 2xx is out, the ACK is not back
_HANGING = const(4)  # ended here while ANSWERING: a BYE has to wait for the ACK (section 15)
_ESTABLISHED = const(5)
_MODIFYING = const(6)  # their re-INVITE is not answered yet (section 14.2)
_ENDING = const(7)  # our BYE is out
_ENDED = const(8)

# Events, in steps of 16: `state | event` names a row, and is a small integer where a pair would be an object.
_PROVISIONAL = const(0)
_ANSWER = const(16)  # their 2xx
_REFUSAL = const(32)  # a failure to our INVITE, or silence
_END = const(48)  # we want it to end
CANCEL = const(64)
ACK = const(80)
BYE = const(96)
_DONE = const(112)  # our BYE is answered, or never will be
_EXPIRED = const(128)  # no ACK to our 2xx
_ACCEPT = const(144)  # we answer
_REFUSE = const(160)  # we refuse
_REINVITE = const(176)

# state | event: (action, …, next state)
MACHINE: dict = {
    INVITING | _PROVISIONAL: ("report_ringing", INVITING),
    INVITING | _ANSWER: ("acknowledge", "report_answered", _ESTABLISHED),
    INVITING | _REFUSAL: ("report_refused", _ENDED),
    INVITING | _END: ("withdraw", _CANCELLING),
    _CANCELLING | _ANSWER: ("acknowledge", "hang_up", _ENDING),  # the 200 crossed our CANCEL
    _CANCELLING | _REFUSAL: ("report_ended", _ENDED),
    INCOMING | _ACCEPT: ("send_answer", _ANSWERING),
    INCOMING | _REFUSE: ("decline", "report_ended", _ENDED),
    INCOMING | _END: ("decline", "report_ended", _ENDED),
    INCOMING | CANCEL: ("terminate", "report_remote_end", _ENDED),
    INCOMING | BYE: ("terminate", "report_remote_end", _ENDED),
    _ANSWERING | ACK: ("stop_repeating", _ESTABLISHED),
    _ANSWERING | BYE: ("stop_repeating", "report_remote_end", _ENDED),
    _ANSWERING | _END: (_HANGING,),
    _ANSWERING | _EXPIRED: ("stop_repeating", "blame_silence", "hang_up", _ENDING),
    _HANGING | ACK: ("stop_repeating", "hang_up", _ENDING),
    _HANGING | BYE: ("stop_repeating", "report_ended", _ENDED),
    _HANGING | _EXPIRED: ("stop_repeating", "hang_up", _ENDING),
    _ESTABLISHED | _ANSWER: ("acknowledge", _ESTABLISHED),  # their 2xx again: our ACK was lost
    _ESTABLISHED | BYE: ("report_remote_end", _ENDED),
    _ESTABLISHED | _END: ("hang_up", _ENDING),
    _ESTABLISHED | _REINVITE: ("report_reoffered", _MODIFYING),
    _MODIFYING | _ACCEPT: ("send_answer", _ANSWERING),
    _MODIFYING | _REFUSE: ("decline", _ESTABLISHED),  # the session stays as it was
    _MODIFYING | _END: ("terminate", "hang_up", _ENDING),
    _MODIFYING | BYE: ("terminate", "report_remote_end", _ENDED),
    _MODIFYING | CANCEL: ("terminate", _ESTABLISHED),
    _ENDING | _ANSWER: ("acknowledge", _ENDING),
    _ENDING | BYE: ("report_ended", _ENDED),
    _ENDING | _DONE: ("report_ended", _ENDED),
    _ENDED | _ANSWER: ("acknowledge", _ENDED),
}

_MOST_FORKS = const(8)  # phones that answer one INVITE beside the first


class Call:
    """One INVITE and the dialog that comes of it.

    peer: URI str of the other side.
    Reports to `agent`: ("ringing", call, (status, sdp)), ("answered", call, sdp), ("incoming", call, sdp) and
    ("reoffered", call, sdp), both to be answered or refused, and, always last and once,
    ("ended", call, (cause, status)) with cause "local", "remote", "refused" (status says why; 408 after
    silence) or "no ack". sdp is bytes, b"" when the message had none.
    """

    # Where all begin alike the class holds it: attributes of an object are the board's memory.
    dialog = None  # until a 2xx where we call
    status = 0
    cause = "local"
    _request = None  # our INVITE
    _invite = None  # the server transaction of theirs
    _message = None  # what the event that is being served brought
    _sdp = b""  # our answer
    _refusal = 603  # or our refusal
    _answer = None  # our 2xx, repeated until its ACK
    _timer = _repeat_timer = None
    _forks = None  # remote tag → Dialog of a phone that answered after the first
    _bye = None

    def __init__(self, agent, account, peer, state):
        self.agent = agent
        self.account = account
        self.peer = peer
        self.state = state
        self.local_tag = agent.endpoint.token(4)

    # Calling

    def invite(self, offer):
        """Send the INVITE; `offer` is SDP bytes."""
        agent = self.agent
        message = messages.Message("INVITE", self.peer)
        message.add("Max-Forwards", 70)
        message.add("From", "%s;tag=%s" % (agent.own_address(self.account), self.local_tag))
        message.add("To", "<%s>" % self.peer)
        message.add("Call-ID", agent.endpoint.token()).add("CSeq", "1 INVITE")
        message.add("Contact", agent.contact(self.account))
        agent.introduce(message)
        message.add("Content-Type", "application/sdp")
        message.body = offer
        self._request = Request(agent.endpoint, self.account, message, self.account.hop, self)

    def on_response(self, request, response):
        status = response.status
        self._message = response
        if request is self._bye:
            if status >= 200:
                self.handle(_DONE)
        elif status < 200:
            if status > 100:
                self.handle(_PROVISIONAL)
        elif status >= 300:
            self.handle(_REFUSAL)
        elif self.dialog is None:
            self.dialog = dialogs.of_caller(request.message, response, request.hop)
            request.message = essence_of(request.message)
            self.handle(_ANSWER)
        elif response.tag("To") == self.dialog.remote_tag:
            self.handle(_ANSWER)
        else:
            self._drop_fork(response)

    def on_timeout(self, request):
        self._message = None
        self.handle(_DONE if request is self._bye else _REFUSAL)

    def _drop_fork(self, response):
        """A second phone answered the same INVITE: take its dialog and end it (section 13.2.2.4)."""
        request, tag = self._request, response.tag("To")
        if self._forks is None:
            self._forks = {}
        fork = self._forks.get(tag)
        if fork:
            self._acknowledge(fork)
        elif len(self._forks) < _MOST_FORKS:
            fork = self._forks[tag] = dialogs.of_caller(request.message, response, request.hop)
            self._acknowledge(fork)
            message, hop = fork.request("BYE")
            Request(self.agent.endpoint, self.account, message, hop, Nobody(), fork)

    # Being called

    def receive_invite(self, transaction):
        """Take the INVITE of a server transaction; reported as "incoming".

        Raises ValueError, before anything is done, when its Contact or Record-Route lead nowhere.
        """
        request = transaction.request
        self.dialog = dialogs.of_callee(request, self.local_tag)
        self._invite = transaction
        transaction.user = self
        transaction.respond(messages.response_to(request, 100))
        self.agent.report("incoming", self, request.body)

    def receive_reinvite(self, transaction):
        """Take an INVITE in the dialog; reported as "reoffered". Raises MessageError when another is under way."""
        if self.state != _ESTABLISHED:
            raise messages.MessageError(491, "Another INVITE is under way")
        request = transaction.request
        self.dialog.retarget(request)
        self._invite = transaction
        transaction.user = self
        self._message = request
        self.handle(_REINVITE)

    def ring(self, now):
        """Send 180 Ringing."""
        self._at(now)
        if self.state == INCOMING:
            self._invite.respond(self._response(180))

    def answer(self, sdp, now):
        """Accept their INVITE or re-INVITE with 200; `sdp` is bytes."""
        self._at(now)
        self._sdp = sdp
        self.handle(_ACCEPT)

    def refuse(self, status, now):
        """Refuse their INVITE or re-INVITE with a status of 300 or above; after the latter the call goes on."""
        self._at(now)
        self._refusal = status
        self.handle(_REFUSE)

    def on_ack(self, _transaction, _ack):
        self.handle(ACK)

    # Both

    def end(self, now):
        """End the call in the way that its state calls for: CANCEL, BYE or a 603."""
        self._at(now)
        self.handle(_END)

    def _at(self, now):
        self.agent.endpoint.timers.now = now

    def handle(self, event):
        """What the table says; from outside: CANCEL, ACK and BYE."""
        row = MACHINE.get(self.state | event)
        if row:
            self.state = row[-1]
            for action in row[:-1]:
                getattr(self, action)()
            self._message = None
            if self.state == _ENDED:
                self.agent.forget(self)

    # What the rows say

    def acknowledge(self):
        self._acknowledge(self.dialog)

    def _acknowledge(self, dialog):
        """ACK a 2xx: a new request in the dialog, never repeated by itself (section 13.2.2.4)."""
        invite = self._request.message
        message, hop = dialog.request("ACK", invite.cseq()[0])
        copy(("Authorization", "Proxy-Authorization"), invite, message)
        self.agent.endpoint.stamp(message, hop)
        self.agent.endpoint.send(message.encode(), hop)

    def withdraw(self):
        self._request.withdraw()

    def hang_up(self):
        message, hop = self.dialog.request("BYE")
        self.agent.introduce(message)
        self._bye = Request(self.agent.endpoint, self.account, message, hop, self, self.dialog)

    def decline(self):
        if self.state == _ENDED:
            self.status = self._refusal
        self._invite.respond(self._response(self._refusal))

    def terminate(self):
        self._invite.respond(self._response(487))

    def send_answer(self):
        """Repeat the 2xx until its ACK comes (section 13.3.1.4)."""
        self._answer = self._response(200)
        self._answer.add("Content-Type", "application/sdp")
        self._answer.body = self._sdp
        self._sdp = b""
        self._timer = self._start(TIMEOUT_MS, self.handle, _EXPIRED)
        self._repeat(T1)

    def _repeat(self, interval_ms):
        self._invite.respond(self._answer)
        self._repeat_timer = self._start(interval_ms, self._repeat, min(2 * interval_ms, T2))

    def _start(self, delay_ms, action, argument):
        return self.agent.endpoint.timers.start(delay_ms, action, argument)

    def stop_repeating(self):
        self._timer.cancel()
        self._repeat_timer.cancel()
        self._answer = self._invite = None

    def blame_silence(self):
        self.cause = "no ack"

    def report_ringing(self):
        self.agent.report("ringing", self, (self._message.status, self._message.body))

    def report_answered(self):
        self.agent.report("answered", self, self._message.body)

    def report_reoffered(self):
        self.agent.report("reoffered", self, self._message.body)

    def report_refused(self):
        self.cause = "refused"
        self.status = self._message.status if self._message else 408
        self.report_ended()

    def report_remote_end(self):
        self.cause = "remote"
        self.report_ended()

    def report_ended(self):
        self.agent.report("ended", self, (self.cause, self.status))

    def _response(self, status):
        response = messages.response_to(self._invite.request, status, "", self.local_tag)
        if status < 300:
            response.add("Contact", self.agent.contact(self.account))
            self.agent.introduce(response)
        return response


def essence_of(invite):
    """What an answered INVITE is still asked for: CSeq, and credentials for the ACK (sections 13.2.2.4, 22.1)."""
    return copy(
        ("CSeq", "Authorization", "Proxy-Authorization"),
        invite,
        messages.Message("INVITE", invite.uri),
    )


def copy(names, source, message):
    for name in names:
        for value in source.fields(name):
            message.add(name, value)
    return message
