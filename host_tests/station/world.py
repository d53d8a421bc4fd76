"""A door in the simulated network of the SIP tests: a real Station and Agent, with a voice, contacts and relays that
only remember. Runs under CPython and MicroPython.

    house = House()                    proxy, door and phones "201", "202", all registered
    house.door.press()
    house.run(2000)
    house.door.said                    what the station reported: ["press", "calling", …]
    house.door.last("ended")           the fields of the latest of that name
"""

from station.config import check
from station.station import Station

from host_tests.sip.world import Handset, World

BOARD = {"buttons": {"front": {}, "back": {}}, "relays": {"door": {}, "gate": {}}}
CODES = {"1234": "door", "99": "gate"}
VISITOR_PORT = 4000  # of the door's first call; each further one takes the next even number


def described(host, port=6000, formats="8 101", lines=""):
    """A session description as a phone writes it."""
    text = "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n"
    text = text % (host, host, port, formats) + "a=rtpmap:101 telephone-event/8000\r\n" + lines
    return text.encode()


def configured(changes=None):
    """A checked configuration; `changes` replaces its keys."""
    config = {
        "sip": {"server": "pbx.example", "user": "door", "password": "secret"},
        "buttons": {"front": {"ring": ["201", "202"]}, "back": {"ring": ["202"]}},
        "relays": {"door": {"seconds": 3}, "gate": {"seconds": 1}},
        "codes": CODES,
        "ring_seconds": 30,
        "talk_seconds": 60,
    }
    config.update(changes or {})
    return check(config, BOARD)


class Contact:
    def __init__(self):
        self.closed = False

    def is_closed(self):
        return self.closed


class Relay:
    def __init__(self):
        self.closed = False
        self.moves = []  # what it was set to, in order

    def set(self, closed):
        self.closed = closed
        self.moves.append(closed)


class Voice:
    """stream: what it talks to, or None. fault: what its next open or start raises."""

    def __init__(self):
        self.port = VISITOR_PORT - 2
        self.stream = None
        self.is_open = False
        self.open_fault = self.start_fault = self.stop_fault = None

    def open(self):
        if self.open_fault:
            raise self.open_fault
        self.port += 2
        self.is_open = True
        return self.port

    def start(self, stream):
        assert self.is_open
        if self.start_fault:
            raise self.start_fault
        self.stream = stream

    def update(self, stream):
        assert self.stream
        self.stream = stream

    def stop(self):
        self.stream = None
        self.is_open = False
        if self.stop_fault:
            raise self.stop_fault


class Phone(Handset):
    """manner: as Handset has it; what it answers with is `body`."""

    def __init__(self, world, name, host):
        Handset.__init__(self, world, name, host)
        self.body = described(host)

    def _act(self, what):
        action, call = what
        if action == "answer":
            call.answer(self.body, self.world.clock())
        else:
            Handset._act(self, what)


class Door(Handset):
    """The door. is_asleep: it looks at nothing that its agent reports, as while another datagram is read."""

    def __init__(self, world, config):
        Handset.__init__(self, world, "door", "10.0.1.100")
        self.voice = Voice()
        self.contacts = {name: Contact() for name in BOARD["buttons"]}
        self.relays = {name: Relay() for name in BOARD["relays"]}
        self.station = Station(
            config, self.agent, self.account, self.voice, self.contacts, self.relays, self.hop[1]
        )
        self.is_asleep = False
        self.told = []  # (name, fields)

    @property
    def said(self):
        return [name for name, _ in self.told]

    def last(self, name):
        found = [fields for told, fields in self.told if told == name]
        assert found, (name, self.said)
        return found[-1]

    def now(self):
        return self.world.clock()

    def press(self, ms=200, name="front"):
        """Close the button for `ms`; it is looked at each 20 ms meanwhile and 60 ms after."""
        self.contacts[name].closed = True
        self.beats(ms)
        self.contacts[name].closed = False
        self.beats(60)

    def beats(self, ms):
        for _ in range((ms + 19) // 20):
            self.station.sample(self.now())
            self._look()
            self.world.run(20)

    def dial(self, digits, pause_ms=100):
        """The phone's digits, as the voice brings them."""
        for digit in digits:
            self.station.digit(digit, self.now())
            self._look()
            self.world.run(pause_ms)

    def hang_up(self):
        self.station.hang_up(self.now())
        self._look()

    def call(self, target, offer=b""):
        self.station.call(target, self.now())
        self._look()

    def fail(self, why):
        self.station.fail(why, self.now())
        self._look()

    def _look(self):
        if not self.is_asleep:
            self.station.settle()
            self.told.extend(self.station.events)
            self.station.events.clear()


class House:
    """The world that a station's test tells its story in."""

    def __init__(self, changes=None, names=("201", "202")):
        world = self.world = World()
        world.serve(("door",) + names)
        self.phones = [Phone(world, name, "10.0.1.%d" % (i + 1)) for i, name in enumerate(names)]
        self.door = Door(world, configured(changes))
        for handset in self.phones + [self.door]:
            world.handsets[handset.name] = handset
            world.join(handset.name, handset, handset.hop[1])
            handset.register()
        self.first = self.phones[0]
        world.run(200)
        assert self.door.said == ["registered"]
        self.door.station.sample(self.door.now())  # the buttons are seen open
        world.wire.clear()
        self.door.told.clear()
        for phone in self.phones:
            phone.story.clear()

    def run(self, ms):
        self.world.run(ms)

    def rest(self):
        """Everything ends, and nothing is left in any table."""
        self.door.hang_up()
        self.world.rest()


def answers_after(ms):
    return [("ring", 0), ("answer", ms)]


RINGS = [("ring", 0)]
BUSY = [("486", 0)]
DECLINES = [("ring", 0), ("603", 500)]
