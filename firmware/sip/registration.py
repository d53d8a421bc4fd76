"""Keeping one address-of-record registered (RFC 3261 section 10.2): first, again in time, and not any more.

The machine is the table; `Registration` does what its rows say.
"""

from micropython import const

from . import header
from .message import Message
from .request import Request

# States
_IDLE = const(0)
_REGISTERING = const(1)
_REGISTERED = const(2)
_REFRESHING = const(3)
_WAITING = const(4)  # until the next try
_STOPPING = const(5)  # to leave once the request under way is answered: there is never a second one
_LEAVING = const(6)

# Events, in steps of 16: `state | event` names a row, and is a small integer where a pair would be an object.
_START = const(0)
_ACCEPTED = const(16)
_TOO_BRIEF = const(32)  # 423
_REFUSED = const(48)  # any other failure, or silence
_TIMER = const(64)
_STOP = const(80)

# state | event: (action, …, next state)
MACHINE: dict = {
    _IDLE | _START: ("register", _REGISTERING),
    _REGISTERING | _ACCEPTED: ("refresh_in_time", "report_registered", _REGISTERED),
    _REGISTERING | _TOO_BRIEF: ("register", _REGISTERING),
    _REGISTERING | _REFUSED: ("retry_later", "report_failure", _WAITING),
    _REGISTERING | _STOP: (_STOPPING,),
    _REGISTERED | _TIMER: ("register", _REFRESHING),
    _REGISTERED | _START: ("register", _REFRESHING),
    _REGISTERED | _STOP: ("unregister", _LEAVING),
    _REFRESHING | _ACCEPTED: ("refresh_in_time", _REGISTERED),
    _REFRESHING | _TOO_BRIEF: ("register", _REFRESHING),
    _REFRESHING | _REFUSED: ("retry_later", "report_failure", _WAITING),
    _REFRESHING | _STOP: (_STOPPING,),
    _WAITING | _TIMER: ("register", _REGISTERING),
    _WAITING | _START: ("register", _REGISTERING),
    _WAITING | _STOP: ("report_unregistered", _IDLE),
    _STOPPING | _ACCEPTED: ("unregister", _LEAVING),
    _STOPPING | _TOO_BRIEF: ("unregister", _LEAVING),
    _STOPPING | _REFUSED: ("report_unregistered", _IDLE),
    _LEAVING | _ACCEPTED: ("report_unregistered", _IDLE),
    _LEAVING | _TOO_BRIEF: ("report_unregistered", _IDLE),
    _LEAVING | _REFUSED: ("report_unregistered", _IDLE),
}

# After the n-th failure in a row the next try comes after 4 s · 2ⁿ, at most 5 minutes, less a
# random part of up to a half, so that a street of doors does not come back in one moment.
_FIRST_RETRY_MS = const(4000)
_LONGEST_RETRY_MS = const(300000)
_SHORTEST_REFRESH_MS = const(5000)  # also where a server grants nothing at all


class Registration:
    """The registration of one account. Reports to `agent`:

    ("registered", registration, expires_s), ("unregistered", registration, None) and
    ("registration_failed", registration, (status, sentence, retry_ms)); status 0 is silence.
    """

    def __init__(self, agent, account, registrar, expires_s):
        self.agent = agent
        self.account = account
        self.registrar = registrar  # URI without a user part: FRITZ!Box drops anything else
        self.expires_s = expires_s
        self.state = _IDLE
        self.failures = 0
        self._call_id = agent.endpoint.token()
        self._tag = agent.endpoint.token(4)
        self._cseq = 0
        self._outcome = None  # the response that is being served, or None after silence
        self._failure = ""  # why a challenge of it was not answered
        self._timer = None

    def start(self, now):
        """Register, or refresh at once."""
        self._handle_at(_START, now)

    def stop(self, now):
        """Unregister."""
        self._handle_at(_STOP, now)

    def is_registered(self):
        return self.state in (_REGISTERED, _REFRESHING)

    def is_active(self):
        """Whether the server may still know of us, or is being told."""
        return self.state != _IDLE

    def _handle_at(self, event, now):
        self.agent.endpoint.timers.now = now
        self._handle(event)

    def _handle(self, event):
        row = MACHINE.get(self.state | event)
        if row:
            self.state = row[-1]
            if self._timer:
                self._timer.cancel()
            for action in row[:-1]:
                getattr(self, action)()

    def on_response(self, request, response):
        if response.status < 200:
            return
        self._end_request(request, response)
        event = _ACCEPTED if response.status < 300 else _REFUSED
        if response.status == 423:
            # Ask for what it demands (section 10.3); one that demands nothing gets an hour.
            least = _seconds(response.get("Min-Expires"), 3600)
            if least > self.expires_s:
                self.expires_s = least
                event = _TOO_BRIEF
        self._handle(event)
        self._outcome = None

    def on_timeout(self, request):
        self._end_request(request, None)
        self._handle(_REFUSED)

    def _end_request(self, request, response):
        self._outcome = response
        self._failure = request.failure
        self._cseq = request.message.cseq()[0]  # challenges have moved it on

    # What the rows say

    def register(self):
        self._send(self.expires_s)

    def unregister(self):
        self._send(0)

    def _send(self, expires_s):
        agent, account = self.agent, self.account
        self._cseq += 1
        own = "<%s>" % account.aor
        message = Message("REGISTER", self.registrar)
        message.add("Max-Forwards", 70)
        message.add("From", "%s;tag=%s" % (own, self._tag)).add("To", own)
        message.add("Call-ID", self._call_id).add("CSeq", "%d REGISTER" % self._cseq)
        message.add("Contact", agent.contact(account)).add("Expires", expires_s)
        agent.introduce(message)
        Request(agent.endpoint, account, message, account.hop, self)

    def refresh_in_time(self):
        """Refresh at half time: a server that lost us finds us again soon, and one lost try costs nothing."""
        self.failures = 0
        self._wait(max(_SHORTEST_REFRESH_MS, self._granted_s() * 500))

    def retry_later(self):
        longest = min(_LONGEST_RETRY_MS, _FIRST_RETRY_MS << min(self.failures, 7))
        if self._outcome and self._outcome.status in (401, 403, 407):
            longest = _LONGEST_RETRY_MS  # a wrong password does not become right by asking often
        self.failures += 1
        chance = self.agent.endpoint.random(1)[0]
        self.retry_ms = longest - longest * chance // 512
        self._wait(self.retry_ms)

    def report_registered(self):
        self.agent.report("registered", self, self._granted_s())

    def report_unregistered(self):
        self.agent.report("unregistered", self, None)

    def report_failure(self):
        status, why = 0, "no answer from %s:%d" % self.account.hop[1:]
        if self._outcome:
            status = self._outcome.status
            why = "%d %s" % (status, self._outcome.reason)
            if status in (401, 407):
                why += ": " + self._failure
        self.agent.report("registration_failed", self, (status, why, self.retry_ms))

    def _wait(self, delay_ms):
        self._timer = self.agent.endpoint.timers.start(delay_ms, self._handle, _TIMER)

    def _granted_s(self):
        """The seconds that the registrar granted our contact (section 10.2.4)."""
        response = self._outcome
        granted = _seconds(response.get("Expires"), self.expires_s)
        own = self.agent.contact(self.account).uri
        for value in response.values("Contact"):
            try:
                contact = header.address(value)
            except ValueError:
                continue  # another device's concern
            if contact.uri.split(";")[0] == own:
                granted = _seconds(contact.params.get("expires"), granted)
        return granted


def _seconds(text, default):
    """The number that a delta-seconds says, or `default`."""
    try:
        seconds = int(text or "")
    except ValueError:
        return default
    return seconds if 0 <= seconds < 1 << 24 else default
