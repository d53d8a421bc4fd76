"""The command lines of a console: a door tried before its button is wired, by a person or by a test.

docs/simulator.md lists the commands. Loaded only where the board's description has a console.
"""

import hal


class Commands:
    """door: the wiring.Door that the commands are for."""

    def __init__(self, door):
        self.door = door

    async def run(self):
        """Take commands until `quit` or the end of the input, which means the same."""
        door = self.door
        while not door.is_stopping:
            words = await door.console.command() or ["quit"]
            try:
                command = getattr(self, "do_" + words[0], None)
                if command is None:
                    raise ValueError("the commands are press contact call hangup digit status quit")
                command(hal.ticks_ms(), *words[1:])
            except (TypeError, ValueError) as error:
                door.console.event("error", {"why": "%s: %s" % (" ".join(words), error)})
            door.flush()

    def do_press(self, now, name, ms="200"):
        contact = _named(self.door.buttons, name)
        duration_ms = int(ms)
        contact.hold(True)
        self.door.agent.after(duration_ms, contact.hold, False, now)

    def do_contact(self, now, name, state):
        contact = _named(self.door.contacts, name)
        if state not in ("open", "closed"):
            raise ValueError("a contact is open or closed")
        contact.hold(state == "closed")
        self.door.console.event("contact", {"contact": name, "state": state})

    def do_call(self, now, target):
        self.door.station.call(target, now)

    def do_hangup(self, now):
        self.door.station.hang_up(now)

    def do_digit(self, now, digit):
        voice = self.door.voice
        if not voice.is_running() or not voice.session.send_digit(digit):
            raise ValueError("there is nobody who takes digits")

    def do_status(self, now):
        door = self.door
        used, free, allocated = hal.memory()
        fields = {
            "state": ("idle", "calling", "talking")[door.station.state],
            "registered": door.registration.is_registered(),
            "used_bytes": used,
            "free_bytes": free,
            "peak_bytes": door.heap_peak_bytes,
            "allocated_bytes": allocated,
        }
        fields.update(door.voice.count())
        door.console.event("status", fields)

    def do_quit(self, now):
        self.door.stop(now)


def _named(inputs, name):
    if name not in inputs:
        raise ValueError("the board has " + (", ".join(inputs) or "none"))
    return inputs[name]
