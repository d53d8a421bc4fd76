"""The names of MicroPython's own module that firmware/ uses, for CPython.

On sys.path only under CPython. const is the identity; the native and viper emitters do not exist there, so their
decorators leave the function as it is.
"""


def const(value):
    return value


def native(function):
    return function


def viper(function):
    return function
