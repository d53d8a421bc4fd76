"""The voice of a door without microphone and speaker: an answered call is connected, and nothing is heard."""

from micropython import const

_DISCARD_PORT = const(9)


class Silence:
    """What `station` asks of a voice."""

    def __init__(self, _audio, _open_socket, _random):
        pass

    def open(self):
        return _DISCARD_PORT

    def start(self, stream):
        pass

    update = start

    def stop(self):
        pass

    def is_running(self):
        return False

    def count(self):
        return {}
