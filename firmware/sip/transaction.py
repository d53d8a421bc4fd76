"""The four transaction machines of RFC 3261 section 17, with the Accepted state of RFC 6026.

Everything that decides what a transaction does next is in the four tables; the class below
holds what a transaction knows and does what a row says. A pair that has no row is ignored on
purpose. This file does not know how a transaction is found: that is `endpoint`.
"""

from micropython import const

from .message import derived

T1 = const(500)  # ms, the round trip that RFC 3261 section 17.1.1.1 assumes
T2 = const(4000)
T4 = const(5000)
TIMEOUT_MS = const(64 * 500)  # timers B, F, H, J, L, M: 64 times T1
TIMER_D_MS = const(32000)

# States
CALLING = const(0)
TRYING = const(1)
PROCEEDING = const(2)
COMPLETED = const(3)
ACCEPTED = const(4)
CONFIRMED = const(5)
TERMINATED = const(6)
WITHDRAWN = const(7)  # CALLING, and a CANCEL is to follow when it may (section 9.1)
CANCELLED = const(8)  # PROCEEDING, with a CANCEL sent

# Events: what arrives from the peer, what the user sends, which timer fires. The two timers
# of a transaction have other letters in each machine; here they are called by what they do.
PROVISIONAL = const(0)  # 1xx, in either direction
SUCCESS = const(1)  # 2xx
FAILURE = const(2)  # 3xx to 6xx
REQUEST = const(3)  # the request again
ACK = const(4)
RESEND_TIMER = const(5)  # A, E, G
FINAL_TIMER = const(6)  # B, F, H: nobody answered; D, I, J, K, L, M: nothing more can come
TRANSPORT_ERROR = const(7)
WITHDRAW = const(8)  # the user wants his INVITE cancelled

# RFC 3261 figure 5 and section 9.1.   (state, event): (action, …, next state)
INVITE_CLIENT = {
    (CALLING, RESEND_TIMER): ("resend", "back_off", CALLING),
    (CALLING, FINAL_TIMER): ("report_timeout", TERMINATED),
    (CALLING, TRANSPORT_ERROR): ("report_timeout", TERMINATED),
    (CALLING, PROVISIONAL): ("stop_timers", "deliver", PROCEEDING),
    (CALLING, SUCCESS): ("linger", "deliver", ACCEPTED),
    (CALLING, FAILURE): ("acknowledge", "linger_d", "deliver", "let_go", COMPLETED),
    (CALLING, WITHDRAW): (WITHDRAWN,),
    (PROCEEDING, PROVISIONAL): ("deliver", PROCEEDING),
    (PROCEEDING, SUCCESS): ("linger", "deliver", ACCEPTED),
    (PROCEEDING, FAILURE): ("acknowledge", "linger_d", "deliver", "let_go", COMPLETED),
    (PROCEEDING, WITHDRAW): ("cancel", CANCELLED),
    (WITHDRAWN, RESEND_TIMER): ("resend", "back_off", WITHDRAWN),
    (WITHDRAWN, FINAL_TIMER): ("report_timeout", TERMINATED),
    (WITHDRAWN, TRANSPORT_ERROR): ("report_timeout", TERMINATED),
    (WITHDRAWN, PROVISIONAL): ("cancel", CANCELLED),
    (WITHDRAWN, SUCCESS): ("linger", "deliver", ACCEPTED),
    (WITHDRAWN, FAILURE): ("acknowledge", "linger_d", "deliver", "let_go", COMPLETED),
    (CANCELLED, SUCCESS): ("linger", "deliver", ACCEPTED),  # it crossed the CANCEL
    (CANCELLED, FAILURE): ("acknowledge", "linger_d", "deliver", "let_go", COMPLETED),
    (CANCELLED, FINAL_TIMER): ("report_timeout", TERMINATED),
    (COMPLETED, FAILURE): ("resend", COMPLETED),  # the ACK
    (COMPLETED, FINAL_TIMER): (TERMINATED,),
    (ACCEPTED, SUCCESS): ("deliver", ACCEPTED),
    (ACCEPTED, FINAL_TIMER): (TERMINATED,),
}

# RFC 3261 figure 6
CLIENT = {
    (TRYING, RESEND_TIMER): ("resend", "back_off_to_t2", TRYING),
    (TRYING, FINAL_TIMER): ("report_timeout", TERMINATED),
    (TRYING, TRANSPORT_ERROR): ("report_timeout", TERMINATED),
    (TRYING, PROVISIONAL): ("deliver", PROCEEDING),
    (TRYING, SUCCESS): ("linger_t4", "deliver", "let_go", COMPLETED),
    (TRYING, FAILURE): ("linger_t4", "deliver", "let_go", COMPLETED),
    (PROCEEDING, RESEND_TIMER): ("resend", "every_t2", PROCEEDING),
    (PROCEEDING, FINAL_TIMER): ("report_timeout", TERMINATED),
    (PROCEEDING, TRANSPORT_ERROR): ("report_timeout", TERMINATED),
    (PROCEEDING, PROVISIONAL): ("deliver", PROCEEDING),
    (PROCEEDING, SUCCESS): ("linger_t4", "deliver", "let_go", COMPLETED),
    (PROCEEDING, FAILURE): ("linger_t4", "deliver", "let_go", COMPLETED),
    (COMPLETED, FINAL_TIMER): (TERMINATED,),
}

# RFC 3261 figure 7; a 2xx is repeated by the call, not by the transaction (RFC 6026 section 7.1)
INVITE_SERVER = {
    (PROCEEDING, REQUEST): ("resend", PROCEEDING),
    (PROCEEDING, PROVISIONAL): ("send", PROCEEDING),
    (PROCEEDING, SUCCESS): ("send", "linger", ACCEPTED),
    (PROCEEDING, FAILURE): ("send", "start_resending", COMPLETED),
    (COMPLETED, REQUEST): ("resend", COMPLETED),
    (COMPLETED, RESEND_TIMER): ("resend", "back_off_to_t2", COMPLETED),
    (COMPLETED, ACK): ("stop_timers", "linger_t4", CONFIRMED),
    (COMPLETED, FINAL_TIMER): ("report_timeout", TERMINATED),
    (CONFIRMED, FINAL_TIMER): (TERMINATED,),
    (ACCEPTED, SUCCESS): ("send", ACCEPTED),
    (ACCEPTED, ACK): ("deliver", ACCEPTED),
    (ACCEPTED, FINAL_TIMER): (TERMINATED,),
}

# RFC 3261 figure 8
SERVER = {
    (TRYING, PROVISIONAL): ("send", PROCEEDING),
    (TRYING, SUCCESS): ("send", "linger", "let_go", COMPLETED),
    (TRYING, FAILURE): ("send", "linger", "let_go", COMPLETED),
    (PROCEEDING, REQUEST): ("resend", PROCEEDING),
    (PROCEEDING, PROVISIONAL): ("send", PROCEEDING),
    (PROCEEDING, SUCCESS): ("send", "linger", "let_go", COMPLETED),
    (PROCEEDING, FAILURE): ("send", "linger", "let_go", COMPLETED),
    (COMPLETED, REQUEST): ("resend", COMPLETED),
    (COMPLETED, FINAL_TIMER): (TERMINATED,),
}


class Transaction:
    """One transaction of either side.

    request: the Message it began with, None once nobody needs it. hop: where it sends to; source: the hop that a server's request
    came from. user: who hears of it, by on_response(transaction, response) and on_timeout(transaction)
    on the client's side, by on_ack(transaction, ack) and on_timeout(transaction) on the server's.
    """

    def __init__(self, endpoint, key, machine, request, hop, user, source=None):
        self.endpoint = endpoint
        self.key = key
        self.machine = machine
        self.request = request
        self.hop = hop
        self.user = user
        self.source = source
        self.is_reliable = hop[0] != "UDP"
        self.state = PROCEEDING if machine is INVITE_SERVER else TRYING
        self.last_sent = b""
        self.message = None  # what the event that is being served brought
        self._interval_ms = T1
        self._resend_timer = self._final_timer = None
        if machine is INVITE_CLIENT:
            self.state = CALLING

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
        self.handle(None, WITHDRAW)

    def receive(self, message):
        """A message that belongs here: a response, the request again, or its ACK."""
        if message.status:
            event = _class_of(message.status)
        else:
            event = ACK if message.method == "ACK" else REQUEST
        self.handle(message, event)

    def handle(self, message, event):
        row = self.machine.get((self.state, event))
        if row is None:
            return
        self.state = row[-1]
        self.message = message
        for action in row[:-1]:
            getattr(self, action)()
        self.message = None
        if self.state == TERMINATED:
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

    def let_go(self):
        """Nothing will be asked of request and user any more: what waits here for stragglers is to be small."""
        self.request = self.user = None
        if self.machine is CLIENT:
            self.last_sent = b""

    def report_timeout(self):
        self.user.on_timeout(self)

    def cancel(self):
        """Send the CANCEL, and give the INVITE 64·T1 to be answered (RFC 3261 section 9.1)."""
        self._linger(TIMEOUT_MS)
        self.endpoint.cancel(self)

    def acknowledge(self):
        """ACK a failure inside the transaction (RFC 3261 section 17.1.1.3): To of it, the rest of the INVITE."""
        ack = derived(self.request, "ACK").add("To", self.message.get("To"))
        self.last_sent = ack.encode()
        self.resend()

    def start_resending(self):
        if not self.is_reliable:
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
        self._linger(0 if self.is_reliable and self.machine is SERVER else TIMEOUT_MS)

    def linger_d(self):
        self._linger(0 if self.is_reliable else TIMER_D_MS)

    def linger_t4(self):
        self._linger(0 if self.is_reliable else T4)

    def stop_timers(self):
        for timer in (self._resend_timer, self._final_timer):
            if timer:
                timer.cancel()

    def _linger(self, delay_ms):
        self.stop_timers()
        self._start_final_timer(delay_ms)

    def _start_resend_timer(self, delay_ms):
        self._interval_ms = delay_ms
        self._resend_timer = self.endpoint.timers.start(delay_ms, self._on_timer, RESEND_TIMER)

    def _start_final_timer(self, delay_ms):
        self._final_timer = self.endpoint.timers.start(delay_ms, self._on_timer, FINAL_TIMER)

    def _on_timer(self, event):
        self.handle(None, event)


class Nobody:
    """The user of a request whose outcome changes nothing: a CANCEL, a stray BYE."""

    def on_response(self, _request, _response):
        pass

    def on_timeout(self, _request):
        pass


def _class_of(status):
    return PROVISIONAL if status < 200 else SUCCESS if status < 300 else FAILURE
