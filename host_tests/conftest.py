"""What every test run needs: the plugin that runs the firmware's tests under MicroPython too."""

from host_tests.micropython.plugin import pytest_pycollect_makemodule

__all__ = ["pytest_pycollect_makemodule"]

# Its `pytester` runs pytest inside a test, for the plugin's own tests.
pytest_plugins = ["pytester"]
