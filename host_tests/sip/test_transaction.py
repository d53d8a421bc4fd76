"""transaction: the four machines, pair by pair, and every timer of RFC 3261 section 17 at its millisecond."""

import pytest
from sip import transaction as t
from sip.endpoint import Endpoint
from sip.message import Message, response_to

from host_tests.names import Names, rows

NAMES = Names("sip/transaction")

UDP = ("UDP", "10.0.0.2", 5060)
TCP = ("TCP", "10.0.0.2", 5060)

MACHINES = ("INVITE_CLIENT", "CLIENT", "INVITE_SERVER", "SERVER")
BEGINNINGS = {
    "INVITE_CLIENT": NAMES.CALLING,
    "CLIENT": NAMES.TRYING,
    "INVITE_SERVER": NAMES.PROCEEDING,
    "SERVER": NAMES.TRYING,
}
EVENTS = range(NAMES.PROVISIONAL, NAMES.WITHDRAW + 1, 16)


class User:
    def __init__(self):
        self.heard = []

    def on_response(self, _transaction, response):
        self.heard.append(response.status)

    def on_ack(self, _transaction, _ack):
        self.heard.append("ACK")

    def on_timeout(self, _transaction):
        self.heard.append("timeout")


class Core(User):
    """Takes requests, so that the test can answer them."""

    def on_request(self, transaction, request):
        transaction.user = self
        self.heard.append(request.method)
        self.transaction = transaction


class Bench:
    """One transaction on an endpoint, and a clock."""

    def __init__(self, now=0):
        count = [0]

        def random(length):
            count[0] += 1
            return bytes([count[0]] * length)

        self.endpoint = Endpoint("10.0.0.1", 5060, random)
        self.endpoint.core = self.user = Core()
        self.begin = self.endpoint.timers.now = now
        self.transaction = self.request = None

    def client(self, method, hop=UDP):
        self.request = request(method)
        self.transaction = self.endpoint.request(self.request, hop, self.user)
        return self

    def server(self, method, hop=UDP):
        self.hear(request(method, via="SIP/2.0/%s 10.0.0.2;branch=z9hG4bK1" % hop[0]), hop)
        self.transaction = self.user.transaction
        self.request = self.transaction.request
        self.user.heard.clear()
        return self

    def hear(self, message, hop=UDP):
        data = message if isinstance(message, bytes) else message.encode()
        self.endpoint.receive(data, hop, self.endpoint.timers.now)

    def response(self, status):
        return response_to(self.request, status, "", "far")

    def respond(self, status):
        self.transaction.respond(self.response(status))

    def again(self, method=None):
        """The server's request once more, or its ACK."""
        message = request(method or self.request.method)
        message.put_first("Via", self.request.values("Via"))
        message.remove("CSeq")
        message.add("CSeq", "1 " + (method or self.request.method))
        self.hear(message)

    def sent(self):
        """First lines of what was sent since the last look."""
        lines = [data.split(b"\r\n")[0].decode() for data, _ in self.endpoint.outbox]
        self.endpoint.outbox.clear()
        return lines

    def at(self, ms):
        """Let the clock run to `ms` after the beginning, as a board's loop does; when something was sent."""
        times = []
        timers = self.endpoint.timers
        while True:
            wait_ms = timers.wait_ms(timers.now)
            passed = (timers.now - self.begin) % (1 << 30)
            if wait_ms is None or passed + wait_ms > ms:
                timers.advance((self.begin + ms) % (1 << 30))
                return times
            timers.advance((timers.now + wait_ms) % (1 << 30))
            times += [passed + wait_ms] * len(self.sent())

    def is_gone(self):
        return not self.endpoint.clients and not self.endpoint.servers


def record(transaction, actions):
    """Replace these actions by ones that only note in the list returned that they were called."""
    called = []
    for action in actions:
        setattr(transaction, action, lambda action=action: called.append(action))
    return called


def request(method, via=None):
    message = Message(method, "sip:201@10.0.0.2")
    if via:
        message.add("Via", via)
    message.add("From", "<sip:door@10.0.0.1>;tag=near").add("To", "<sip:201@10.0.0.2>")
    return message.add("Call-ID", "one").add("CSeq", "1 " + method)


# The tables


@pytest.mark.parametrize("name", MACHINES)
def test_every_row_names_actions_that_exist_and_known_states(name):
    for state, event, actions, following in rows(getattr(t, name)):
        assert (
            NAMES.CALLING <= state <= NAMES.CANCELLED
            and NAMES.CALLING <= following <= NAMES.CANCELLED
        )
        assert event in EVENTS
        for action in actions:
            assert callable(getattr(t.Transaction, action)), action


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_every_state_leads_to_the_end(name):
    machine = getattr(t, name)
    reached = {BEGINNINGS[name]}
    ending = {NAMES.TERMINATED}
    for _ in range(10):
        for state, _event, _actions, following in rows(machine):
            if state in reached:
                reached.add(following)
            if following in ending:
                ending.add(state)
    states = {state for state, _, _, _ in rows(machine)}
    assert NAMES.TERMINATED not in states
    assert states | {NAMES.TERMINATED} == reached == ending


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_hears_its_final_timer_or_waits_for_its_user(name):
    # Only a server that its user has not answered yet, and an INVITE that rings, wait without an end of their own.
    waiting = {
        "INVITE_CLIENT": {NAMES.PROCEEDING},
        "CLIENT": set(),
        "INVITE_SERVER": {NAMES.PROCEEDING},
        "SERVER": {NAMES.TRYING, NAMES.PROCEEDING},
    }
    machine = getattr(t, name)
    silent = {state for state, _, _, _ in rows(machine) if state | NAMES.FINAL_TIMER not in machine}
    assert silent == waiting[name]


@pytest.mark.parametrize("name", MACHINES)
def test_every_pair_does_what_its_row_says_and_a_pair_without_row_changes_nothing(name):
    machine = getattr(t, name)
    for state in range(NAMES.CALLING, NAMES.CANCELLED + 1):
        for event in EVENTS:
            bench = Bench()
            method = "INVITE" if "INVITE" in name else "OPTIONS"
            bench = bench.client(method) if "CLIENT" in name else bench.server(method)
            transaction = bench.transaction
            transaction.state = state
            row = machine.get(state | event)
            transaction.stop_timers()
            called = record(transaction, row[:-1] if row else ())
            bench.sent()
            waiting = len(bench.endpoint.timers)
            transaction.handle(None, event)
            if row:
                assert called[: len(row[:-1])] == list(row[:-1])
                assert transaction.state == row[-1]
                assert bench.is_gone() == (row[-1] == NAMES.TERMINATED)
            else:
                assert transaction.state == state and not bench.is_gone()
                assert bench.sent() == [] and len(bench.endpoint.timers) == waiting
                assert bench.user.heard == []


# INVITE, client: timers A, B, D, M


def test_timer_a_doubles_until_timer_b_ends_it_at_32_seconds():
    bench = Bench().client("INVITE")
    assert bench.sent() == ["INVITE sip:201@10.0.0.2 SIP/2.0"]
    assert bench.at(31999) == [500, 1500, 3500, 7500, 15500, 31500]
    assert bench.user.heard == [] and not bench.is_gone()
    bench.at(32000)
    assert bench.user.heard == ["timeout"] and bench.is_gone()
    assert bench.at(99999) == []


def test_timer_a_stays_away_from_a_reliable_transport_and_timer_b_does_not():
    bench = Bench().client("INVITE", TCP)
    bench.sent()
    assert bench.at(32000) == []
    assert bench.user.heard == ["timeout"] and bench.is_gone()


def test_a_provisional_response_ends_the_repeating_and_the_waiting_has_no_end_of_its_own():
    bench = Bench().client("INVITE")
    bench.sent()
    bench.at(600)
    bench.hear(bench.response(180))
    bench.hear(bench.response(183))
    assert bench.at(3600000) == []
    assert bench.user.heard == [180, 183] and not bench.is_gone()


def test_a_refusal_is_acknowledged_each_time_and_reported_once_until_timer_d():
    bench = Bench().client("INVITE")
    via = bench.transaction.request.get("Via")
    bench.sent()
    for _ in range(3):
        bench.hear(bench.response(486))
    data, hop = bench.endpoint.outbox[0]
    assert hop == UDP and ("Via: " + via).encode() in data
    assert b"CSeq: 1 ACK" in data and b"tag=far" in data
    assert bench.sent() == ["ACK sip:201@10.0.0.2 SIP/2.0"] * 3
    bench.at(31999)
    assert not bench.is_gone()
    bench.at(32000)
    assert bench.is_gone() and bench.user.heard == [486]


def test_timer_d_is_zero_on_a_reliable_transport():
    bench = Bench().client("INVITE", TCP)
    bench.hear(bench.response(486), TCP)
    bench.at(0)
    assert bench.is_gone()


@pytest.mark.parametrize("hop", [UDP, TCP])
def test_every_2xx_is_passed_on_until_timer_m_and_none_is_acknowledged_here(hop):
    bench = Bench().client("INVITE", hop)
    bench.sent()
    bench.at(100)
    bench.hear(bench.response(200))
    bench.at(5000)
    bench.hear(bench.response(200))
    bench.hear(bench.response(486))  # a branch that lost against the first
    assert bench.sent() == [] and bench.user.heard == [200, 200]
    bench.at(32099)
    assert not bench.is_gone()
    bench.at(32100)
    assert bench.is_gone() and bench.user.heard == [200, 200]


# CANCEL (section 9.1)


def test_a_cancel_goes_out_at_once_when_a_provisional_response_has_come():
    bench = Bench().client("INVITE")
    invite = bench.transaction.request
    bench.hear(bench.response(100))
    bench.sent()
    bench.transaction.withdraw()
    bench.transaction.withdraw()
    cancel = bench.endpoint.outbox[0][0]
    for name in ("Via", "From", "To", "Call-ID"):
        assert ("\r\n%s: %s\r\n" % (name, invite.get(name))).encode() in cancel
    assert b"CSeq: 1 CANCEL" in cancel
    assert bench.sent() == ["CANCEL sip:201@10.0.0.2 SIP/2.0"]


def test_a_cancel_waits_for_the_first_provisional_response_while_the_invite_is_repeated():
    bench = Bench().client("INVITE")
    bench.sent()
    bench.transaction.withdraw()
    assert bench.at(600) == [500]
    bench.hear(bench.response(180))
    assert bench.sent() == ["CANCEL sip:201@10.0.0.2 SIP/2.0"]
    assert bench.user.heard == []
    bench.hear(bench.response(487))
    assert bench.user.heard == [487]


def test_an_invite_that_is_never_answered_after_its_cancel_is_given_up_after_32_seconds():
    bench = Bench().client("INVITE")
    bench.hear(bench.response(180))
    bench.at(1000)
    bench.transaction.withdraw()
    cancel = response_to(bench.transaction.request, 200)
    cancel.remove("CSeq")
    bench.hear(cancel.add("CSeq", "1 CANCEL"))
    bench.hear(bench.response(183))  # it goes on ringing
    bench.at(32999)
    assert bench.user.heard == [180]
    bench.at(33000)
    assert bench.user.heard == [180, "timeout"]
    bench.at(99999)
    assert bench.is_gone()


def test_a_withdrawn_invite_that_nobody_hears_ends_with_timer_b():
    bench = Bench().client("INVITE")
    bench.at(1000)
    bench.transaction.withdraw()
    bench.at(31999)
    assert bench.user.heard == []
    bench.at(32000)
    assert bench.user.heard == ["timeout"] and bench.is_gone()


# Other requests, client: timers E, F, K


def test_timer_e_doubles_up_to_t2_until_timer_f_ends_it():
    bench = Bench().client("OPTIONS")
    bench.sent()
    times = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert bench.at(31999) == times
    bench.at(32000)
    assert bench.user.heard == ["timeout"] and bench.is_gone()


def test_after_a_provisional_response_timer_e_repeats_each_4_seconds_and_timer_f_still_ends_it():
    bench = Bench().client("OPTIONS")
    bench.sent()
    bench.at(400)
    bench.hear(bench.response(100))
    assert bench.at(31999) == [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]
    bench.at(32000)
    assert bench.user.heard == [100, "timeout"] and bench.is_gone()


def test_what_timer_k_would_absorb_is_dropped():
    bench = Bench().client("OPTIONS")
    bench.hear(bench.response(200))
    assert bench.is_gone() and len(bench.endpoint.timers) == 0
    bench.hear(bench.response(200))
    bench.hear(bench.response(404))
    assert bench.user.heard == [200] and bench.sent() == ["OPTIONS sip:201@10.0.0.2 SIP/2.0"]


def test_timer_e_never_runs_on_a_reliable_transport():
    bench = Bench().client("OPTIONS", TCP)
    bench.sent()
    assert bench.at(20000) == []
    bench.hear(bench.response(200), TCP)
    bench.at(20000)
    assert bench.is_gone()


# INVITE, server: timers G, H, I, L


def test_timer_g_repeats_a_refusal_up_to_t2_until_timer_h_gives_up():
    bench = Bench().server("INVITE")
    bench.respond(486)
    assert bench.sent() == ["SIP/2.0 486 Busy Here"]
    times = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert bench.at(31999) == times
    assert bench.user.heard == []
    bench.at(32000)
    assert bench.user.heard == ["timeout"] and bench.is_gone()


def test_on_a_reliable_transport_a_refusal_is_sent_once_and_timer_h_waits_for_its_ack():
    bench = Bench().server("INVITE", TCP)
    bench.respond(486)
    bench.sent()
    assert bench.at(32000) == []
    assert bench.user.heard == ["timeout"] and bench.is_gone()


def test_the_ack_of_a_refusal_ends_its_repeating_and_timer_i_absorbs_more_of_them():
    bench = Bench().server("INVITE")
    bench.respond(486)
    bench.at(100)
    bench.sent()
    bench.again("ACK")
    bench.again("ACK")
    bench.again()
    assert bench.at(5099) == [] and not bench.is_gone()
    bench.at(5100)
    assert bench.is_gone() and bench.user.heard == []


def test_timer_i_is_zero_on_a_reliable_transport():
    bench = Bench().server("INVITE", TCP)
    bench.respond(486)
    bench.again("ACK")
    bench.at(0)
    assert bench.is_gone()


def test_a_repeated_invite_gets_the_latest_response_again_and_its_user_hears_nothing():
    bench = Bench().server("INVITE")
    bench.again()
    assert bench.sent() == []
    bench.respond(100)
    bench.respond(180)
    bench.sent()
    bench.again()
    assert bench.sent() == ["SIP/2.0 180 Ringing"]
    bench.respond(486)
    bench.sent()
    bench.again()
    assert bench.sent() == ["SIP/2.0 486 Busy Here"]
    assert bench.user.heard == []


@pytest.mark.parametrize("hop", [UDP, TCP])
def test_after_a_2xx_timer_l_absorbs_the_invite_and_passes_the_repeated_2xx(hop):
    bench = Bench().server("INVITE", hop)
    bench.respond(200)
    assert bench.sent() == ["SIP/2.0 200 OK"]
    bench.again()
    assert bench.sent() == []
    bench.respond(200)
    bench.respond(486)  # too late
    assert bench.sent() == ["SIP/2.0 200 OK"]
    bench.again("ACK")  # of a peer that keeps the branch
    assert bench.user.heard == ["ACK"]
    bench.at(31999)
    assert not bench.is_gone()
    bench.at(32000)
    assert bench.is_gone()


# Other requests, server: timer J


def test_timer_j_repeats_the_response_for_32_seconds():
    bench = Bench().server("BYE")
    bench.again()
    assert bench.sent() == []
    bench.respond(100)
    bench.again()
    assert bench.sent() == ["SIP/2.0 100 Trying"] * 2
    bench.respond(200)
    bench.respond(481)
    assert bench.sent() == ["SIP/2.0 200 OK"]
    bench.at(31999)
    bench.again()
    assert bench.sent() == ["SIP/2.0 200 OK"]
    assert bench.user.heard == []
    bench.at(32000)
    assert bench.is_gone()


def test_timer_j_is_zero_on_a_reliable_transport():
    bench = Bench().server("BYE", TCP)
    bench.respond(200)
    bench.at(0)
    assert bench.is_gone()


# The clock


@pytest.mark.parametrize("before_ms", [1, 400, 1000, 20000, 31999])
def test_the_clock_may_wrap_in_the_middle_of_a_transaction(before_ms):
    bench = Bench((1 << 30) - before_ms).client("INVITE")
    bench.sent()
    assert bench.at(31999) == [500, 1500, 3500, 7500, 15500, 31500]
    bench.at(32000)
    assert bench.user.heard == ["timeout"] and bench.is_gone()
