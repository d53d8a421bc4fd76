"""A simulated network for the SIP tests: handsets, a proxy with its registrar, and scripted peers.

Time is a number of milliseconds; chance comes from a seed, so that what happened once happens again.
Runs under CPython and MicroPython.

    world = World()
    house = world.house("door", "phone")        a proxy at 10.0.0.1 and a registered handset for each name
    call = world.door.call("phone")
    world.run(2000)
    world.story("phone")                        what its user saw, as words
    world.ladder()                              what went over the wire: ["door > proxy INVITE", …]
    world.rest()                                lets all timers run out; nothing may be left anywhere
"""

from sip.agent import Agent
from sip.authenticator import Authenticator
from sip.message import Message, parse, response_to
from sip.proxy import Proxy
from sip.registrar import Location, Registrar
from sip.request import Account
from sip.timers import PERIOD

DOMAIN = "pbx.example"
PROXY = ("UDP", "10.0.0.1", 5060)
OFFER = b"v=0\r\n"  # these layers carry bodies and do not look into them
ANSWER = b"v=0 answer\r\n"


class World:
    """seed: of all chance. loss, repeat: of 100 datagrams, how many are lost or arrive twice.

    least_ms, most_ms: how long a datagram is under way; datagrams overtake each other where these differ.
    """

    def __init__(self, seed=1, loss=0, repeat=0, least_ms=5, most_ms=5, now=0):
        self._state = seed * 2654435761 % (1 << 31) or 1
        self.loss = loss
        self.repeat = repeat
        self.least_ms = least_ms
        self.most_ms = most_ms
        self.now = now
        self.nodes = {}  # (host, port) → what receives there
        self.names = {}  # (host, port) → its name
        self.handsets = {}
        self.wire = []  # (ms, source name, destination name, Message) in the order of sending
        self.keeps_wire = True
        self.drops = []  # labels of datagrams to lose, each once
        self.proxy = None
        self._flight = []  # (due, data, source hop, (host, port))

    # Chance

    def chance(self, below):
        self._state = (self._state * 1103515245 + 12345) % (1 << 31)
        return (self._state >> 12) % below

    def random(self, count):
        return bytes([self.chance(256) for _ in range(count)])

    # Who is there

    def join(self, name, node, host, port=5060):
        self.nodes[(host, port)] = node
        self.names[(host, port)] = name
        return node

    def house(self, *names):
        """A proxy, and a handset for each name, registered."""
        self.serve(names)
        for name in names:
            self.handset(name).register()
        self.run(200)
        for name in names:
            assert self.story(name) == ["registered 120"]
            self.handsets[name].story = []
        self.wire = []

    def serve(self, names, realm=DOMAIN):
        passwords = {name: "secret of " + name for name in names}
        authenticator = Authenticator(realm, passwords.get, self.seconds, self.random)
        registrar = Registrar(Location(self.seconds), authenticator)
        host, port = PROXY[1], PROXY[2]
        self.proxy = Proxy(host, port, self.random, (DOMAIN, host), registrar, authenticator)
        return self.join("proxy", self.proxy, host, port)

    def handset(self, name, host=None):
        handset = Handset(self, name, host or "10.0.1.%d" % (len(self.handsets) + 1))
        self.handsets[name] = handset
        self.join(name, handset, handset.hop[1])
        return handset

    def peer(self, name="peer", host="10.0.2.1"):
        return self.join(name, Peer(self, host), host)

    def seconds(self):
        return self.now / 1000

    def clock(self):
        return self.now % PERIOD

    def story(self, name):
        return self.handsets[name].story

    # Time

    def run(self, ms):
        """Let `ms` pass."""
        end = self.now + ms
        while True:
            self._collect()
            due = end + 1
            for flight in self._flight:
                due = min(due, flight[0])
            for node in self.nodes.values():
                wait = node.wait_ms(self.clock())
                if wait is not None:
                    due = min(due, self.now + wait)
            if due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            arrived = [flight for flight in self._flight if flight[0] <= self.now]
            self._flight = [flight for flight in self._flight if flight[0] > self.now]
            for _, data, source, address in arrived:
                node = self.nodes.get(address)
                if node:
                    node.receive(data, source, self.clock())
                    self._collect()
            for node in list(self.nodes.values()):
                node.advance(self.clock())

    def until(self, condition, most_ms=200000):
        """Let time pass until condition() holds; how long it took in ms. Fails after `most_ms`."""
        begin = self.now
        while not condition():
            assert self.now - begin < most_ms, "it never happened"
            self.run(10)
        return self.now - begin

    def _collect(self):
        for address, node in self.nodes.items():
            while node.outbox:
                data, hop = node.outbox.pop(0)
                self._carry(data, ("UDP", address[0], address[1]), (hop[1], hop[2]))

    def _carry(self, data, source, address):
        names = self.names.get((source[1], source[2])), self.names.get(address, address[0])
        message = parse(data)
        if self.keeps_wire:
            self.wire.append((self.now, names[0], names[1], message))
        said = label(message)
        if said in self.drops:
            self.drops.remove(said)
            return
        if self.chance(100) < self.loss:
            return
        for _ in range(2 if self.chance(100) < self.repeat else 1):
            delay = self.least_ms + self.chance(self.most_ms - self.least_ms + 1)
            self._flight.append((self.now + delay, data, source, address))

    # What happened

    def ladder(self):
        return ["%s > %s %s" % (source, to, label(sent)) for _, source, to, sent in self.wire]

    def sent(self, what, source=None):
        """[Message] of that label, in order, from that node or any."""
        return [
            sent for _, name, _, sent in self.wire if label(sent) == what and source in (None, name)
        ]

    def times(self, what):
        """When, in ms, datagrams of that label were sent."""
        return [ms for ms, _, _, sent in self.wire if label(sent) == what]

    def rest(self):
        """End the registrations, let every timer run out, and assert that nothing is left."""
        for handset in self.handsets.values():
            handset.rest()
        self.run(400000)
        assert not self._flight
        for address, node in self.nodes.items():
            name = self.names[address]
            if isinstance(node, Peer):
                continue
            agent = node.agent if isinstance(node, Handset) else node
            endpoint = agent.endpoint
            left = (len(endpoint.clients), len(endpoint.servers), len(endpoint.timers))
            assert left == (0, 0, 0), (name, left, list(endpoint.clients), list(endpoint.servers))
            if agent is node:
                assert agent.contexts == {}, name
            else:
                assert agent.calls == [], name


def label(message):
    """What a message is: "INVITE", "200 INVITE"."""
    if message is None:
        return "keep-alive"
    if not message.status:
        return message.method
    return "%d %s" % (message.status, (message.get("CSeq") or "").split(" ")[-1])


def is_ended(call):
    """Whether its agent has forgotten it, as it does when a call has ended."""
    return call not in call.agent.calls


class Handset:
    """An Agent and the person who uses it. Without telling, an incoming call rings and is answered after 1 s."""

    def __init__(self, world, name, host):
        self.world = world
        self.name = name
        self.hop = ("UDP", host, 5060)
        self.agent = Agent(host, 5060, world.random)
        self.agent.endpoint.most_servers = 1000
        self.outbox = self.agent.outbox
        password = "secret of " + name
        self.account = Account("sip:%s@%s" % (name, DOMAIN), PROXY, name, password)
        self.agent.account = self.account
        self.manner = [
            ("ring", 0),
            ("answer", 1000),
        ]  # what an incoming call meets, after how many ms
        self.manner_within = "answer"  # what a re-INVITE meets
        self.story = []
        self.calls = []  # every call there was
        self.registration = None

    def register(self, expires_s=120):
        registrar = "sip:" + DOMAIN
        self.registration = self.agent.register(
            self.account, registrar, expires_s, self.world.clock()
        )
        return self.registration

    def call(self, to, offer=OFFER):
        """Call a handset by its name through the proxy, or a Handset or Peer at its own address."""
        account, target = self.account, "sip:%s@%s" % (to, DOMAIN)
        if not isinstance(to, str):
            account = Account(account.aor, to.hop, account.user, account.password)
            target = "sip:%s:%d" % to.hop[1:]
        call = self.agent.invite(account, target, offer, self.world.clock())
        self.calls.append(call)
        return call

    def hang_up(self):
        """End the latest call."""
        self.calls[-1].end(self.world.clock())

    def rest(self):
        if self.registration:
            self.registration.stop(self.world.clock())

    def receive(self, data, source, now):
        self.agent.receive(data, source, now)
        self._look()

    def advance(self, now):
        self.agent.advance(now)
        self._look()

    def wait_ms(self, now):
        return self.agent.wait_ms(now)

    def _look(self):
        events = self.agent.events
        while events:
            name, subject, detail = events.pop(0)
            if name == "incoming":
                self.calls.append(subject)
                for action, delay_ms in self.manner:
                    self.agent.endpoint.timers.start(delay_ms, self._act, (action, subject))
            elif name == "reoffered":
                self._act((self.manner_within, subject))
            elif name == "ringing":
                name += " %d" % detail[0]
            elif name == "ended":
                name += " %s %d" % detail
            elif name == "registered":
                name += " %d" % detail
            elif name == "registration_failed":
                name += " %d" % detail[0]
            self.story.append(name)

    def _act(self, what):
        action, call = what
        now = self.world.clock()
        if action == "ring":
            call.ring(now)
        elif action == "answer":
            call.answer(ANSWER, now)
        elif action == "end":
            call.end(now)
        else:
            call.refuse(int(action), now)


class Peer:
    """A raw peer: it hears everything and says only what the test makes it say."""

    def __init__(self, world, host):
        self.world = world
        self.hop = ("UDP", host, 5060)
        self.outbox = []
        self.heard = []  # Messages
        self._count = 0

    def receive(self, data, source, now):
        self.heard.append(parse(data))

    def advance(self, now):
        pass

    def wait_ms(self, now):
        return None

    def labels(self):
        return [label(message) for message in self.heard]

    def last(self, what):
        """The latest Message of that label."""
        found = [message for message in self.heard if label(message) == what]
        assert found, (what, self.labels())
        return found[-1]

    def say(self, data, to):
        """Send bytes or a Message to a node with a hop, or to a hop."""
        hop = to if isinstance(to, tuple) else to.hop
        self.outbox.append((data if isinstance(data, bytes) else data.encode(), hop))
        self.world.run(20)

    def answer(self, request, status, to, tag="peer", headers=(), body=b""):
        """Answer a request that was heard."""
        response = response_to(request, status, "", tag)
        if status < 300:
            response.add("Contact", "<sip:peer@%s:5060>" % self.hop[1])
        for name, value in headers:
            response.remove(name)
            response.add(name, value)
        response.body = body
        self.say(response, to)
        return response

    def request(self, method, target="sip:door@10.0.1.1", headers=(), cseq=1, body=b"", leave=()):
        """A request of ours; `headers` replace or add, `leave` names what is left out."""
        self._count += 1
        message = Message(method, target)
        values = [
            ("Via", "SIP/2.0/UDP %s:5060;branch=z9hG4bK-%d" % (self.hop[1], self._count)),
            ("Max-Forwards", "70"),
            ("From", "<sip:peer@%s>;tag=peer" % self.hop[1]),
            ("To", "<%s>" % target),
            ("Call-ID", "call-of-" + self.hop[1]),
            ("CSeq", "%d %s" % (cseq, method)),
            ("Contact", "<sip:peer@%s:5060>" % self.hop[1]),
        ]
        given = [name for name, _ in headers]
        for name, value in values:
            if name not in given and name not in leave:
                message.add(name, value)
        for name, value in headers:
            message.add(name, value)
        message.body = body
        return message

    def within(self, response, method, cseq, headers=()):
        """A request of ours inside the dialog that `response`, an answer to our INVITE, made."""
        target = response.address("Contact").uri if response.get("Contact") else "sip:x"
        return self.request(method, target, [("To", response.get("To"))] + list(headers), cseq)
