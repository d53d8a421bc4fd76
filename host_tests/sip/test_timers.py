"""timers: deadlines in order, across the wrap of the clock, for nothing while nothing is due."""

import sys

from sip.timers import MAX_DELAY_MS, PERIOD, Timers, difference


def test_the_earliest_deadline_comes_first_and_equal_ones_in_the_order_of_starting():
    timers, called = Timers(), []
    for delay_ms, word in ((30, "third"), (10, "first"), (20, "second"), (30, "fourth")):
        timers.start(delay_ms, called.append, word)
    timers.advance(29)
    assert called == ["first", "second"]
    timers.advance(30)
    assert called == ["first", "second", "third", "fourth"]
    assert len(timers) == 0


def test_a_timer_fires_at_its_millisecond_and_not_before():
    timers, called = Timers(), []
    timers.start(500, called.append, "A")
    timers.advance(499)
    assert called == [] and timers.wait_ms(499) == 1
    timers.advance(500)
    assert called == ["A"] and timers.wait_ms(500) is None


def test_a_cancelled_timer_is_silent_and_waited_for_by_nobody():
    timers, called = Timers(), []
    timer = timers.start(10, called.append, "never")
    timers.start(20, called.append, "later")
    timer.cancel()
    assert timers.wait_ms(0) == 20 and len(timers) == 1
    timers.advance(20)
    assert called == ["later"]
    timer.cancel()  # after its time, too


def test_what_an_action_starts_without_delay_is_called_in_the_same_advance():
    timers, called = Timers(), []

    def again(word):
        called.append(word)
        if len(called) < 3:
            timers.start(0, again, word)

    timers.start(5, again, "x")
    timers.advance(5)
    assert called == ["x", "x", "x"]


def test_an_action_may_cancel_a_timer_that_is_due_at_the_same_moment():
    timers, called = Timers(), []
    timers.start(5, lambda _: second.cancel(), None)
    second = timers.start(5, called.append, "second")
    timers.advance(5)
    assert called == []


def test_an_action_that_fails_leaves_the_other_timers_alone():
    timers, called = Timers(), []
    timers.start(5, lambda _: 1 // 0, None)
    timers.start(5, called.append, "next")
    try:
        timers.advance(5)
    except ZeroDivisionError:
        timers.advance(5)
    assert called == ["next"]


def test_the_clock_wraps_between_start_and_deadline():
    timers, called = Timers(PERIOD - 100), []
    timers.start(50, called.append, "before")
    timers.start(150, called.append, "after")
    assert timers.wait_ms(PERIOD - 100) == 50
    timers.advance(PERIOD - 50)
    assert called == ["before"] and timers.wait_ms(PERIOD - 50) == 100
    timers.advance(49)
    assert called == ["before"]
    timers.advance(50)
    assert called == ["before", "after"]


def test_a_late_advance_finds_the_deadline_passed_across_the_wrap():
    timers, called = Timers(PERIOD - 100), []
    timers.start(10, called.append, "late")
    assert timers.wait_ms(500) == 0
    timers.advance(500)
    assert called == ["late"]


def test_differences_are_right_across_the_wrap():
    for later, earlier, ms in ((5, 3, 2), (3, 5, -2), (1, PERIOD - 1, 2), (PERIOD - 1, 1, -2)):
        assert difference(later, earlier) == ms


def test_a_delay_beyond_half_the_period_is_cut_to_it():
    timers = Timers(12345)
    timers.start(PERIOD * 5, print, None)
    assert timers.wait_ms(12345) == MAX_DELAY_MS


def test_looking_at_the_timers_each_tick_allocates_nothing_on_the_board():
    if sys.implementation.name != "micropython":
        return  # CPython counts nothing
    import micropython

    timers = Timers(1000)
    timers.start(100000, print, None)
    timers.start(200000, print, None)
    timers.advance(1020)
    before = micropython.mem_total()
    for now in range(1040, 9000, 20):
        timers.advance(now)
        timers.wait_ms(now)
    after = micropython.mem_total()
    assert after == before, after - before
