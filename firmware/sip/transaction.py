"""The four transaction machines of RFC 3261 section 17, with the Accepted state of RFC 6026.

Everything that decides what a transaction does next is in the four tables; the class below
holds what a transaction knows and does what a row says. A pair that has no row is ignored on
purpose. This file does not know how a transaction is found: that is `endpoint`.
"""

from micropython import const

from .message import derived

T1 = const(500)  # ms, the round trip that RFC 3261 section 17.1.1.1 assumes
T2 = const(4000)
_T4 = const(5000)
TIMEOUT_MS = const(64 * 500)  # timers B, F, H, J, L, M: 64 times T1
_TIMER_D_MS = const(32000)

# States
_CALLING = const(0)
_TRYING = const(1)
_PROCEEDING = const(2)
_COMPLETED = const(3)
_ACCEPTED = const(4)
_CONFIRMED = const(5)
_TERMINATED = const(6)
_WITHDRAWN = const(7)  # CALLING, and a CANCEL is to follow when it may (section 9.1)
_CANCELLED = const(8)  # PROCEEDING, with a CANCEL sent

# Events, in steps of 16: `state | event` names a row, and is a small integer where a pair would be an object.
# They are what arrives from the peer, what the user sends, which timer fires. The two timers
# of a transaction have other letters in each machine; here they are called by what they do.
_PROVISIONAL = const(0)  # 1xx, in either direction
_SUCCESS = const(16)  # 2xx
_FAILURE = const(32)  # 3xx to 6xx
_REQUEST = const(48)  # the request again
_ACK = const(64)
_RESEND_TIMER = const(80)  # A, E, G
_FINAL_TIMER = const(96)  # B, F, H: nobody answered; D, I, J, K, L, M: nothing more can come
_WITHDRAW = const(112)  # the user wants his INVITE cancelled

# RFC 3261 figure 5 and section 9.1.   state | event: (action, …, next state)
INVITE_CLIENT = {
    _CALLING | _RESEND_TIMER: ("resend", "back_off", _CALLING),
    _CALLING | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _CALLING | _PROVISIONAL: ("stop_timers", "deliver", _PROCEEDING),
    _CALLING | _SUCCESS: ("linger", "deliver", "drop_request", _ACCEPTED),
    _CALLING | _FAILURE: ("acknowledge", "linger_d", "deliver", "let_go", _COMPLETED),
    _CALLING | _WITHDRAW: (_WITHDRAWN,),
    _PROCEEDING | _PROVISIONAL: ("deliver", _PROCEEDING),
    _PROCEEDING | _SUCCESS: ("linger", "deliver", "drop_request", _ACCEPTED),
    _PROCEEDING | _FAILURE: ("acknowledge", "linger_d", "deliver", "let_go", _COMPLETED),
    _PROCEEDING | _WITHDRAW: ("cancel", _CANCELLED),
    _WITHDRAWN | _RESEND_TIMER: ("resend", "back_off", _WITHDRAWN),
    _WITHDRAWN | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _WITHDRAWN | _PROVISIONAL: ("cancel", _CANCELLED),
    _WITHDRAWN | _SUCCESS: ("linger", "deliver", "drop_request", _ACCEPTED),
    _WITHDRAWN | _FAILURE: ("acknowledge", "linger_d", "deliver", "let_go", _COMPLETED),
    _CANCELLED | _SUCCESS: (
        "linger",
        "deliver",
        "drop_request",
        _ACCEPTED,
    ),  # it crossed the CANCEL
    _CANCELLED | _FAILURE: ("acknowledge", "linger_d", "deliver", "let_go", _COMPLETED),
    _CANCELLED | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _COMPLETED | _FAILURE: ("resend", _COMPLETED),  # the ACK
    _COMPLETED | _FINAL_TIMER: (_TERMINATED,),
    _ACCEPTED | _SUCCESS: ("deliver", _ACCEPTED),
    _ACCEPTED | _FINAL_TIMER: (_TERMINATED,),
}

# RFC 3261 figure 6, without its Completed state: what that would absorb for timer K, the endpoint drops anyway,
# since it then knows no transaction of that branch.
CLIENT = {
    _TRYING | _RESEND_TIMER: ("resend", "back_off_to_t2", _TRYING),
    _TRYING | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _TRYING | _PROVISIONAL: ("deliver", _PROCEEDING),
    _TRYING | _SUCCESS: ("deliver", _TERMINATED),
    _TRYING | _FAILURE: ("deliver", _TERMINATED),
    _PROCEEDING | _RESEND_TIMER: ("resend", "every_t2", _PROCEEDING),
    _PROCEEDING | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _PROCEEDING | _PROVISIONAL: ("deliver", _PROCEEDING),
    _PROCEEDING | _SUCCESS: ("deliver", _TERMINATED),
    _PROCEEDING | _FAILURE: ("deliver", _TERMINATED),
}

# RFC 3261 figure 7; a 2xx is repeated by the call, not by the transaction (RFC 6026 section 7.1)
INVITE_SERVER = {
    _PROCEEDING | _REQUEST: ("resend", _PROCEEDING),
    _PROCEEDING | _PROVISIONAL: ("send", _PROCEEDING),
    _PROCEEDING | _SUCCESS: ("send", "linger", "drop_request", _ACCEPTED),
    _PROCEEDING | _FAILURE: ("send", "start_resending", _COMPLETED),
    _COMPLETED | _REQUEST: ("resend", _COMPLETED),
    _COMPLETED | _RESEND_TIMER: ("resend", "back_off_to_t2", _COMPLETED),
    _COMPLETED | _ACK: ("stop_timers", "linger_i", _CONFIRMED),
    _COMPLETED | _FINAL_TIMER: ("report_timeout", _TERMINATED),
    _CONFIRMED | _FINAL_TIMER: (_TERMINATED,),
    _ACCEPTED | _SUCCESS: ("send", _ACCEPTED),
    _ACCEPTED | _ACK: ("deliver", _ACCEPTED),
    _ACCEPTED | _FINAL_TIMER: (_TERMINATED,),
}

# RFC 3261 figure 8
SERVER = {
    _TRYING | _PROVISIONAL: ("send", _PROCEEDING),
    _TRYING | _SUCCESS: ("send", "linger", "let_go", _COMPLETED),
    _TRYING | _FAILURE: ("send", "linger", "let_go", _COMPLETED),
    _PROCEEDING | _REQUEST: ("resend", _PROCEEDING),
    _PROCEEDING | _PROVISIONAL: ("send", _PROCEEDING),
    _PROCEEDING | _SUCCESS: ("send", "linger", "let_go", _COMPLETED),
    _PROCEEDING | _FAILURE: ("send", "linger", "let_go", _COMPLETED),
    _COMPLETED | _REQUEST: ("resend", _COMPLETED),
    _COMPLETED | _FINAL_TIMER: (_TERMINATED,),
}


class Transaction:
    """One transaction of either side.

    request: the Message it began with, None once nobody needs it. hop: where it sends to; source: the hop
    that a server's request came from. user: who hears of it, by on_response(transaction, response) and
    on_timeout(transaction) on the client's side, by on_ack(transaction, ack) and on_timeout(transaction)
    on the server's.
    """

    # Where all begin alike the class holds it: attributes of an object are the board's memory.
    last_sent = b""
    message = None  # what the event that is being served brought
    _interval_ms = T1
    _resend_timer = _final_timer = None

    def __init__(self, endpoint, key, machine, request, hop, user, source=None):
        self.endpoint = endpoint
        self.key = key
        self.machine = machine
        self.request = request
        self.hop = hop
        self.user = user
        self.source = source
        self.state = _PROCEEDING if machine is INVITE_SERVER else _TRYING
        if machine is INVITE_CLIENT:
            self.state = _CALLING

    def is_reliable(self):
        return self.hop[0] != "UDP"

    def begin(self):
        """Send a client's request and start its timers."""
        self.message = self.request
        self.send()
        self.start_resending()

    def respond(self, response):
        """Send a server's response, as far as the machine still allows one."""
        self.handle(response, _class_of(response.status))

    def withdraw(self):
        """Have a client's INVITE cancelled: at once, or when the first provisional response allows it."""
        self.handle(None, _WITHDRAW)

    def receive(self, message):
        """A message that belongs here: a response, the request again, or its ACK."""
        if message.status:
            event = _class_of(message.status)
        else:
            event = _ACK if message.method == "ACK" else _REQUEST
        self.handle(message, event)

    def handle(self, message, event):
        row = self.machine.get(self.state | event)
        if row is None:
            return
        self.state = row[-1]
        self.message = message
        for action in row[:-1]:
            getattr(self, action)()
        self.message = None
        if self.state == _TERMINATED:
            self.end()

    def end(self):
        """Be over, whatever may still arrive."""
        self.state = _TERMINATED
        self.stop_timers()
        self.endpoint.forget(self)

    # What the rows say

    def send(self):
        self.last_sent = self.message.encode()
        self.resend()

    def resend(self):
        if self.last_sent:
            self.endpoint.send(self.last_sent, self.hop)

    def deliver(self):
        if self.message.status:
            self.user.on_response(self, self.message)
        else:
            self.user.on_ack(self, self.message)

    # What waits for stragglers is to be small: a board keeps it for half a minute.

    def drop_request(self):
        """Neither the request nor its bytes will be asked for any more."""
        self.request = None
        self.last_sent = b""

    def let_go(self):
        """Nor will its user; the bytes that were sent last may be: the ACK of a failure, a server's response."""
        self.request = self.user = None

    def report_timeout(self):
        self.user.on_timeout(self)

    def cancel(self):
        """Send the CANCEL, and give the INVITE 64·T1 to be answered (RFC 3261 section 9.1)."""
        self.stop_timers()
        self._start_final_timer(TIMEOUT_MS)
        self.endpoint.cancel(self)

    def acknowledge(self):
        """ACK a failure inside the transaction (RFC 3261 section 17.1.1.3): To of it, the rest of the INVITE."""
        ack = derived(self.request, "ACK").add("To", self.message.get("To"))
        self.last_sent = ack.encode()
        self.resend()

    def start_resending(self):
        if not self.is_reliable():
            self._start_resend_timer(T1)
        self._start_final_timer(TIMEOUT_MS)

    def back_off(self):
        self._start_resend_timer(2 * self._interval_ms)

    def back_off_to_t2(self):
        self._start_resend_timer(min(2 * self._interval_ms, T2))

    def every_t2(self):
        self._start_resend_timer(T2)

    def linger(self):
        """Stay to absorb what may still arrive. Timer J is zero on a reliable transport; L and M never are."""
        self._linger(0 if self.is_reliable() and self.machine is SERVER else TIMEOUT_MS)

    def linger_d(self):
        self._linger(0 if self.is_reliable() else _TIMER_D_MS)

    def linger_i(self):
        self._linger(0 if self.is_reliable() else _T4)

    def stop_timers(self):
        for timer in (self._resend_timer, self._final_timer):
            if timer:
                timer.cancel()

    def _linger(self, delay_ms):
        self.stop_timers()
        self._start_final_timer(delay_ms)
        self.endpoint.linger(self)

    def _start_resend_timer(self, delay_ms):
        self._interval_ms = delay_ms
        self._resend_timer = self.endpoint.timers.start(delay_ms, self._on_timer, _RESEND_TIMER)

    def _start_final_timer(self, delay_ms):
        self._final_timer = self.endpoint.timers.start(delay_ms, self._on_timer, _FINAL_TIMER)

    def _on_timer(self, event):
        self.handle(None, event)


class Nobody:
    """The user of a request whose outcome changes nothing: a CANCEL, a stray BYE."""

    def on_response(self, _request, _response):
        pass

    def on_timeout(self, _request):
        pass


def _class_of(status):
    return _PROVISIONAL if status < 200 else _SUCCESS if status < 300 else _FAILURE
