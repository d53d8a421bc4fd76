"""The private constants of a firmware module, by name.

MicroPython's compiler puts the number in place of `_NAME` and leaves no trace of the name; the source still has it.
"""


class Names:
    """`names.CALLING` is the number of `_CALLING = const(0)` in firmware/`module`.py."""

    def __init__(self, module):
        self.numbers = {}
        with open("firmware/" + module + ".py") as file:
            for line in file:
                name, is_constant, rest = line.partition(" = const(")
                number = rest.split(")")[0]
                if is_constant and name[0] == "_" and number.isdigit():
                    self.numbers[name[1:]] = int(number)

    def __getattr__(self, name):
        return self.numbers[name]


def rows(machine):
    """(state, event, actions, next state) of each row of a state machine's table."""
    return [(key & 15, key & ~15, row[:-1], row[-1]) for key, row in machine.items()]
