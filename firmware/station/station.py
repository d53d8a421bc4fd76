"""The door station: a press rings, an answer talks, a code opens, and everything ends.

The machine is the table. It drives a sip.Agent and a voice, both handed in, and says what happened in `events`, a
list of (name, dict of fields). It opens no socket and reads no clock.

A visit ends with one event, `ended`, and its cause: "button", "hang-up", "ring time-out", "talk time-out" or "fault"
(an `error` before it says which) when it ended here; "refused", "remote" or "no ack" as the agent has it. Its status
is that of the INVITE: 200 once it was answered, 487 when it was taken back, else what the last phone refused with (408:
none said anything). A call to the door that is not taken is no visit: `turned_away` is all there is of it.
"""

from micropython import const
from sip import sdp

from .button import Button
from .codes import Codes

# States
_IDLE = const(0)
_CALLING = const(1)  # our phones ring
_TALKING = const(2)

# Events, in steps of 16: `state | event` names a row, and is a small integer where a pair would be an object.
_PRESS = const(0)
_ANSWERED = const(16)
_REFUSED = const(32)  # by the last phone that rang
_INCOMING = const(48)
_TURNED_AWAY = const(64)  # the call that came in was not taken
_ENDED = const(80)  # the other side hung up, or the call failed
_HANG_UP = const(96)
_RING_TIMEOUT = const(112)
_TALK_TIMEOUT = const(128)
_FAULT = const(144)  # what a row asked for could not be done

# (state, event): (actions and, last, the next state). What has no row is ignored on purpose.
MACHINE: dict = {
    _IDLE | _PRESS: ("ring", _CALLING),
    _IDLE | _INCOMING: ("accept", _TALKING),
    _CALLING | _PRESS: ("withdraw", "report_end", _IDLE),
    _CALLING | _HANG_UP: ("withdraw", "report_end", _IDLE),
    _CALLING | _RING_TIMEOUT: ("withdraw", "report_end", _IDLE),
    _CALLING | _FAULT: ("withdraw", "report_end", _IDLE),
    _CALLING | _REFUSED: ("report_end", _IDLE),
    _CALLING | _INCOMING: ("turn_away", _CALLING),
    _CALLING | _ANSWERED: ("withdraw_others", "talk", _TALKING),
    _TALKING | _PRESS: ("withdraw", "report_end", _IDLE),
    _TALKING | _HANG_UP: ("withdraw", "report_end", _IDLE),
    _TALKING | _TALK_TIMEOUT: ("withdraw", "report_end", _IDLE),
    _TALKING | _FAULT: ("withdraw", "report_end", _IDLE),
    _TALKING | _ENDED: ("report_end", _IDLE),
    _TALKING | _INCOMING: ("turn_away", _TALKING),
    _TALKING | _TURNED_AWAY: ("fall_silent", _IDLE),
}

# What a call that ended by our own doing is reported as
_CAUSES = {
    _PRESS: "button",
    _HANG_UP: "hang-up",
    _RING_TIMEOUT: "ring time-out",
    _TALK_TIMEOUT: "talk time-out",
    _FAULT: "fault",
}


class Station:
    """One door.

    config: as config.check returns it. voice: open() → port, start(stream), update(stream), stop(). inputs:
    dict of button name → .is_closed(). relays: dict of relay name → .set(closed). host: our address.
    """

    def __init__(self, config, agent, account, voice, inputs, relays, host):
        self.config = config
        self.agent = agent
        self.account = account
        self.voice = voice
        self.host = host
        self.events = []
        self.state = _IDLE
        self.calls = []  # those that ring, or the one that talks
        self.status = 0  # of the INVITE, as far as it is known
        self.cause = ""
        self._timers = agent.endpoint.timers
        self._timer = None
        self._codes = Codes(config["codes"], self._timers)
        self._buttons = [(name, Button(), inputs[name]) for name in config["buttons"]]
        self._relays = relays
        self._releasing = {}  # relay name → the timer that ends its pulse
        self._target = None  # of the press or command that is being served
        self._subject = None  # the call that is being served, and its SDP
        self._sdp = b""
        self._port = 0  # of our voice
        # Of our descriptions (RFC 8866 section 5.2): the same through a call, and one more with each.
        self._session_id = self._version = 0

    # What happens to a door

    def sample(self, now):
        """Look at the buttons; called each 20 ms."""
        for name, button, contact in self._buttons:
            if button.sample(contact.is_closed()):
                self._at(now)
                self._report("press", {"button": name})
                self._target = self.config["buttons"][name]["ring"]
                self._handle(_PRESS)

    def call(self, target, now):
        """Ring `target`, as a press would."""
        self._at(now)
        self._target = [target]
        if self.state == _IDLE:
            self._handle(_PRESS)
        else:
            self._report("error", {"why": "call %s: another call is running" % target})

    def hang_up(self, now):
        self._at(now)
        self._handle(_HANG_UP)

    def fail(self, why, now):
        """Something here went wrong: it ends the visit that it happened in, and nothing else."""
        self._at(now)
        self._report("error", {"why": why})
        self._handle(_FAULT)

    def digit(self, digit, now):
        """A digit came from the peer of the call."""
        self._at(now)
        self._report("digit", {"digit": digit})
        relay = self._codes.enter(digit)
        if relay:
            self._report("code_accepted", {"relay": relay})
            self._open(relay)
        elif relay == "":
            self._report("code_refused", {"locked": self._codes.is_locked})

    def settle(self):
        """Take what the agent reported."""
        events = self.agent.events
        while events:
            name, subject, detail = events.pop(0)
            getattr(self, "_on_" + name)(subject, detail)

    # What the agent reports

    def _on_registered(self, registration, expires_s):
        fields = {"aor": registration.account.aor, "expires_seconds": expires_s}
        self._report("registered", fields)

    def _on_unregistered(self, registration, _):
        self._report("unregistered", {"aor": registration.account.aor})

    def _on_registration_failed(self, registration, detail):
        status, why, retry_ms = detail
        fields = {"aor": registration.account.aor, "status": status, "why": why}
        fields["retry_seconds"] = retry_ms // 1000
        self._report("registration_failed", fields)

    def _on_ringing(self, call, detail):
        if call in self.calls:
            self._report("ringing", {"peer": call.peer, "status": detail[0]})

    def _on_answered(self, call, body):
        if call in self.calls:
            self._serve(call, body)
            self._handle(_ANSWERED)

    def _on_incoming(self, call, body):
        self._serve(call, body)
        self._handle(_INCOMING)

    def _on_reoffered(self, call, body):
        """The phone changes the session: a hold, another address, one codec of two (RFC 3264 section 8)."""
        try:
            body, stream = self._answer(body)
        except ValueError:
            call.refuse(488, self._timers.now)
            return
        call.answer(body, self._timers.now)
        self.voice.update(stream)

    def _on_ended(self, call, detail):
        if call not in self.calls:
            return  # it was given up here before, and reported then
        self.calls.remove(call)
        self.cause, status = detail
        self.status = status or self.status
        if self.state == _TALKING:
            self._handle(_ENDED)
        elif not self.calls:
            self._handle(_REFUSED)

    # The machine

    def _at(self, now):
        self._timers.now = now

    def _serve(self, call, body):
        self._subject = call
        self._sdp = body

    def _handle(self, event):
        row = MACHINE.get(self.state | event)
        if row is None:
            return
        self.state = row[-1]
        self.cause = _CAUSES.get(event, self.cause)
        if self._timer and event != _INCOMING:
            self._timer.cancel()
        try:
            for action in row[:-1]:
                getattr(self, action)()
        except (OSError, ValueError) as error:
            self.fail(str(error), self._timers.now)

    # What the rows say

    def ring(self):
        """One INVITE to each phone of the ring plan, all with one offer: the first that answers is talked to."""
        self._start(self.config["ring_seconds"], _RING_TIMEOUT)
        self._open_voice()
        offer = sdp.offer(self.host, self._port, self._session_id)
        for target in self._target:
            uri = target if ":" in target else "sip:%s@%s" % (target, self.config["sip"]["domain"])
            self._report("calling", {"target": uri})
            self.calls.append(self.agent.invite(self.account, uri, offer, self._timers.now))

    def talk(self):
        """A phone answered our offer."""
        self.status = 200
        self._begin(sdp.agreed(self._sdp))

    def accept(self):
        """A call for the door: it is answered at once, or turned away."""
        if not self.config["auto_answer"]:
            self._turn_away(480, "auto_answer is false")
            return
        try:
            self._open_voice()
            body, stream = self._answer(self._sdp)
        except ValueError as error:
            self._turn_away(488, str(error))
            return
        except OSError as error:
            self._turn_away(500, str(error))
            return
        self.status = 200
        self.calls.append(self._subject)
        self._subject.answer(body, self._timers.now)
        self._begin(stream)

    def _begin(self, stream):
        self._start(self.config["talk_seconds"], _TALK_TIMEOUT)
        self.voice.start(stream)
        self._report("answered", {"peer": self._subject.peer, "encoding": stream.encoding})

    def turn_away(self):
        self._turn_away(486, "another call is running")

    def _turn_away(self, status, why):
        self._report("turned_away", {"peer": self._subject.peer, "status": status, "why": why})
        self._subject.refuse(status, self._timers.now)
        if not self.calls:
            self._handle(_TURNED_AWAY)

    def withdraw(self):
        """End every call of this visit, in the way that each call's state wants."""
        if self.status != 200:
            self.status = 487
        self._subject = None
        self.withdraw_others()

    def withdraw_others(self):
        calls, self.calls = self.calls, []
        for call in calls:
            if call is self._subject:
                self.calls.append(call)
            else:
                call.end(self._timers.now)

    def report_end(self):
        self._report("ended", {"cause": self.cause, "status": self.status})
        self.fall_silent()

    def fall_silent(self):
        self._codes.forget()
        self.voice.stop()

    def _report(self, name, fields):
        self.events.append((name, fields))

    def _start(self, seconds, event):
        self._timer = self._timers.start(seconds * 1000, self._handle, event)

    def _open_voice(self):
        """Begin a visit: a port for its voice, and an identity for its descriptions."""
        self.status = 0
        self._version = 1
        two = self.agent.endpoint.random(2)
        self._session_id = two[0] << 8 | two[1]
        self._port = self.voice.open()

    def _answer(self, offer):
        """(our answer, Stream) to the offer of a peer. Raises ValueError when nothing in it fits."""
        self._version += 1
        return sdp.answer(offer, self.host, self._port, self._session_id, self._version)

    # Relays

    def _open(self, name):
        """Close the relay for its time; a code that comes again starts that time anew."""
        if name in self._releasing:
            self._releasing[name].cancel()
        else:
            self._relays[name].set(True)
            self._report("opened", {"relay": name})
        seconds = self.config["relays"][name]["seconds"]
        self._releasing[name] = self._timers.start(seconds * 1000, self._release, name)

    def release(self):
        """Open every relay now: the door's program ends."""
        for name in list(self._releasing):
            self._releasing[name].cancel()
            self._release(name)

    def _release(self, name):
        del self._releasing[name]
        self._relays[name].set(False)
        self._report("closed", {"relay": name})
