"""Runs the tests of one module under MicroPython; started by plugin.py, its JSON request on standard input.

    {"module": "host_tests.sip.test_uri", "tests": [["test_parse", 3], …]}

The number says which of the parametrized cases of that test, in pytest's order.
Everything it says is a line that starts with a record separator: {"begin": N} before test N and
{"end": N, "traceback": null or text} after it. All else on the output is the test's own.
"""

import gc
import io
import json
import sys

import pytest


def say(record):
    print("\x1e" + json.dumps(record))


def traceback_of(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    return text.getvalue()


def run(module, name, case):
    test = getattr(module, name)
    if isinstance(test, pytest.Parametrized):
        test.function(**test.arguments(case))
    else:
        test()


def main():
    request = json.load(sys.stdin)
    name = request["module"]
    __import__(name)
    module = sys.modules[name]
    for number, (test, case) in enumerate(request["tests"]):
        say({"begin": number})
        gc.collect()
        traceback = None
        try:
            run(module, test, case)
        except BaseException as error:  # a SystemExit must not end the other tests
            traceback = traceback_of(error)
        say({"end": number, "traceback": traceback})


main()
