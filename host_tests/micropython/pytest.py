"""The part of pytest that the firmware's tests may use, for MicroPython: `raises` and `mark.parametrize`.

Not here: fixtures, other marks, `approx`. What a test uses beyond this fails under MicroPython, by name.
"""


class raises:
    """Context manager: the block must raise `expected` (a class or a tuple of them); `value` is what it raised."""

    def __init__(self, expected):
        self.expected = expected
        self.value = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            raise AssertionError("DID NOT RAISE " + repr(self.expected))
        self.value = value
        return issubclass(kind, self.expected)


class Parametrized:
    """A test function (MicroPython's take no attributes) with its parameter sets: (names, cases) each.

    The set of the decorator nearest to the function is the first.
    """

    def __init__(self, function, sets):
        self.function = function
        self.sets = sets

    def arguments(self, number):
        """The arguments of case `number`, counted as pytest does: the first set is the outermost loop."""
        arguments = {}
        for names, cases in reversed(self.sets):
            case = cases[number % len(cases)]
            number //= len(cases)
            if len(names) == 1:
                case = (case,)
            if len(case) != len(names):
                raise ValueError("parametrize: " + repr(case) + " for " + repr(names))
            for name, value in zip(names, case):
                arguments[name] = value
        if number:
            raise ValueError("parametrize: fewer cases here than under CPython")
        return arguments


class mark:
    @staticmethod
    def parametrize(names, cases, ids=None):
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",") if name.strip()]
        cases = list(cases)

        def decorate(test):
            if isinstance(test, Parametrized):
                return Parametrized(test.function, test.sets + [(names, cases)])
            return Parametrized(test, [(names, cases)])

        return decorate
