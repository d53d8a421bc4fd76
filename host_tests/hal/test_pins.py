"""Virtual pins."""

from hal.desktop.pins import Input, Relay


def test_an_input_is_closed_while_it_is_held():
    button = Input({})
    assert not button.is_closed()
    button.hold(True)
    assert button.is_closed()
    button.hold(False)
    assert not button.is_closed()


def test_a_contact_may_be_closed_at_the_start():
    assert Input({"closed": True}).is_closed()


def test_a_relay_remembers():
    relay = Relay({})
    assert not relay.closed
    relay.set(True)
    assert relay.closed
    relay.set(False)
    assert not relay.closed
