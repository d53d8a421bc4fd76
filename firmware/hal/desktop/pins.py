"""Virtual pins: an input that the console holds closed for a time, a relay that only remembers."""


class Input:
    """A button or a contact. Closed while `hold` says so."""

    def __init__(self, settings):
        self._closed = settings.get("closed", False)

    def hold(self, closed):
        self._closed = closed

    def is_closed(self):
        return self._closed


class Relay:
    def __init__(self, settings):
        self.closed = False

    def set(self, closed):
        self.closed = closed
