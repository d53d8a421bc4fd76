"""The door's visits as a house sees them: real agents, a proxy and phones in the simulated network."""

import pytest
from station.station import MACHINE, Station

from host_tests.sip.world import is_ended
from host_tests.station.world import (
    BUSY,
    DECLINES,
    RINGS,
    House,
    answers_after,
    configured,
    described,
)

HEAP = "2M"  # a proxy and three agents, and everything they said

DOOR = "sip:door@10.0.1.100"
TWO = ("sip:201@pbx.example", "sip:202@pbx.example")
IDLE, CALLING, TALKING = 0, 1, 2
RINGING = ["press", "calling", "ringing"]


def house_where(*manners):
    """A house whose phones meet a call in these manners, and whose door rings them all."""
    names = tuple([str(201 + i) for i in range(len(manners))])
    house = House({"buttons": {"front": {"ring": list(names)}}}, names)
    for phone, manner in zip(house.phones, manners):
        phone.manner = manner
    return house


def talking():
    """A house with one phone, which has answered a press."""
    house = house_where(answers_after(500))
    house.door.press()
    house.run(1000)
    assert house.door.station.state == TALKING
    return house


# A press and its answer


def test_a_press_rings_every_phone_of_the_plan_with_one_offer():
    house = house_where(RINGS, RINGS)
    house.door.press()
    house.run(500)
    door = house.door
    assert door.said == ["press"] + ["calling"] * 2 + ["ringing"] * 2
    assert door.told[0][1] == {"button": "front"}
    assert [fields["target"] for name, fields in door.told if name == "calling"] == list(TWO)
    assert door.last("ringing")["status"] == 180
    assert [phone.story for phone in house.phones] == [["incoming"], ["incoming"]]
    offers = [invite.body for invite in house.world.sent("INVITE", "proxy")]
    assert len(offers) == 2 and offers[0] == offers[1]
    assert b"c=IN IP4 10.0.1.100\r\n" in offers[0]
    assert b"m=audio 4000 RTP/AVP 8 0 101\r\n" in offers[0]
    assert door.station.state == CALLING
    assert not door.voice.stream
    house.rest()


def test_a_ring_plan_may_name_a_uri():
    house = House({"buttons": {"front": {"ring": ["sip:201@10.0.0.1", "202"]}}})
    house.door.press()
    house.run(100)
    targets = [fields["target"] for name, fields in house.door.told if name == "calling"]
    assert targets == ["sip:201@10.0.0.1", "sip:202@pbx.example"]
    house.rest()


def test_each_button_rings_its_own_phones():
    house = House()
    house.door.press(name="back")
    house.run(100)
    assert house.door.said[:3] == ["press", "calling", "ringing"]
    assert house.door.told[0][1] == {"button": "back"}
    assert house.phones[0].story == [] and house.phones[1].story == ["incoming"]
    house.rest()


def test_who_answers_is_talked_to_as_his_answer_says_and_the_others_stop_ringing():
    house = house_where(RINGS, answers_after(1000), RINGS)
    house.phones[1].body = described(
        "10.0.1.2", 7070, "0 96", "a=rtpmap:96 telephone-event/8000\r\n"
    )
    house.door.press()
    house.run(2000)
    door = house.door
    assert door.last("answered") == {"peer": "sip:202@pbx.example", "encoding": "PCMU"}
    stream = door.voice.stream
    assert (stream.host, stream.port, stream.payload_type) == ("10.0.1.2", 7070, 0)
    assert stream.event_payload_type == 96
    assert house.phones[0].story == ["incoming", "ended remote 0"]
    assert house.phones[2].story == ["incoming", "ended remote 0"]
    assert "ended" not in door.said
    house.rest()


@pytest.mark.parametrize("is_asleep", [False, True])
def test_of_two_that_answer_at_the_same_time_one_is_talked_to_and_one_is_hung_up(is_asleep):
    house = house_where(answers_after(1000), answers_after(1000))
    door = house.door
    door.press()
    house.run(500)
    door.is_asleep = is_asleep  # both answers are there when it looks
    house.run(1000)
    door.is_asleep = False
    door.beats(500)
    assert door.said[-1] == "answered" and door.said.count("answered") == 1
    talks, loses = house.phones
    if door.last("answered")["peer"] != TWO[0]:
        talks, loses = loses, talks
    assert door.voice.stream.host == talks.hop[1]
    assert (talks.story, loses.story) == (["incoming"], ["incoming", "ended remote 0"])
    assert [is_ended(phone.calls[0]) for phone in (talks, loses)] == [False, True]
    house.rest()
    assert door.said.count("ended") == 1


def test_one_phone_that_refuses_leaves_the_others_ringing():
    house = house_where(BUSY, answers_after(3000))
    house.door.press()
    house.run(2000)
    assert house.door.station.state == CALLING and "ended" not in house.door.said
    house.run(2000)
    assert house.door.last("answered")["peer"] == TWO[1]
    house.rest()


# How a call ends


@pytest.mark.parametrize(
    "manners, status",
    [
        ([BUSY], 486),
        ([DECLINES, BUSY], 603),
        ([BUSY, DECLINES], 603),
        ([[("404", 0)], [("486", 100)]], 486),
    ],
)
def test_when_all_refuse_the_last_status_is_told(manners, status):
    house = house_where(*manners)
    house.door.press()
    house.run(2000)
    assert house.door.last("ended") == {"cause": "refused", "status": status}
    assert house.door.station.state == IDLE
    assert not house.door.voice.is_open
    house.rest()
    assert house.door.said.count("ended") == 1


def test_a_network_that_is_silent_ends_as_408():
    house = House({"ring_seconds": 60})
    del house.world.nodes[("10.0.0.1", 5060)]
    house.door.press()
    house.run(40000)
    assert house.door.said == ["press", "calling", "calling", "ended"]
    assert house.door.last("ended") == {"cause": "refused", "status": 408}


def test_ringing_in_vain_ends_with_a_cancel_when_its_time_is_over():
    house = house_where(RINGS, RINGS)
    house.door.press()
    house.run(29000)
    assert "ended" not in house.door.said
    house.run(2000)
    assert house.door.last("ended") == {"cause": "ring time-out", "status": 487}
    assert [phone.story[-1] for phone in house.phones] == ["ended remote 0"] * 2
    assert len(house.world.sent("CANCEL", "door")) == 2
    assert not house.door.voice.is_open
    house.rest()


def test_a_second_press_while_it_rings_takes_the_ringing_back():
    house = house_where(RINGS, RINGS)
    house.door.press()
    house.run(1000)
    house.door.press()
    house.run(500)
    assert house.door.said[-2:] == ["press", "ended"]
    assert house.door.last("ended") == {"cause": "button", "status": 487}
    assert [phone.story[-1] for phone in house.phones] == ["ended remote 0"] * 2
    house.rest()


def test_a_second_press_while_talking_hangs_up():
    house = talking()
    house.door.press()
    house.run(500)
    assert house.door.last("ended") == {"cause": "button", "status": 200}
    assert house.first.story[-1] == "ended remote 0"
    assert not house.door.voice.is_open
    house.rest()


def test_a_phone_that_hangs_up_ends_it():
    house = talking()
    house.first.hang_up()
    house.run(500)
    assert house.door.last("ended") == {"cause": "remote", "status": 200}
    assert not house.door.voice.is_open
    house.rest()


def test_talking_ends_when_its_time_is_over():
    house = talking()
    house.run(58000)
    assert house.door.station.state == TALKING
    house.run(2000)
    assert house.door.last("ended") == {"cause": "talk time-out", "status": 200}
    assert house.first.story[-1] == "ended remote 0"
    house.rest()


def test_the_time_to_ring_does_not_end_a_talk():
    house = house_where(answers_after(29000))
    house.door.press()
    house.run(45000)
    assert house.door.station.state == TALKING
    house.rest()


def test_hanging_up_works_in_every_state():
    house = house_where(answers_after(1000))
    door = house.door
    door.hang_up()
    assert door.said == []
    door.press()
    door.hang_up()
    house.run(1000)
    assert door.last("ended") == {"cause": "hang-up", "status": 487}
    door.press()
    house.run(1500)
    door.hang_up()
    house.run(1000)
    assert door.last("ended") == {"cause": "hang-up", "status": 200}
    assert is_ended(house.first.calls[1])
    house.rest()


# Nothing gets stuck


@pytest.mark.parametrize("pause_ms", [0, 20, 100, 2000])
def test_a_press_right_after_a_cancelled_call_rings_again(pause_ms):
    house = house_where(RINGS)
    door = house.door
    for _ in range(3):
        door.press(40)
        house.run(pause_ms)
        door.press(40)
        house.run(pause_ms)
    assert door.said.count("calling") == door.said.count("ended") == 3
    assert door.station.state == IDLE
    door.press()
    house.run(500)
    assert door.station.state == CALLING
    assert door.said[-1] == "ringing"
    assert not is_ended(house.first.calls[-1])
    house.run(1000)
    assert [is_ended(call) for call in house.first.calls[:-1]] == [True] * 3
    house.rest()


@pytest.mark.parametrize("manner", [BUSY, DECLINES, [("answer", 0), ("end", 200)]])
def test_a_press_right_after_a_call_that_the_phone_ended_rings_again(manner):
    house = house_where(manner)
    door = house.door
    for _ in range(3):
        door.told.clear()
        door.press()
        house.world.until(lambda: "ended" in door.said)
        assert door.station.state == IDLE
    house.first.manner = RINGS
    door.press()
    house.run(200)
    assert door.said[-3:] == RINGING
    house.rest()


def test_a_press_that_was_taken_back_before_the_phone_rang_rings_nobody_later():
    house = house_where(answers_after(0))
    house.world.drops.append("INVITE")  # the first one is lost on its way
    house.door.press(40)
    house.door.press(40)
    assert house.door.last("ended") == {"cause": "button", "status": 487}
    house.run(40000)
    assert house.door.station.state == IDLE
    assert all(is_ended(call) for call in house.first.calls)
    house.rest()


def test_a_200_that_crosses_the_cancel_is_hung_up_and_not_heard_of():
    house = house_where(answers_after(500))
    door = house.door
    door.press(100)
    house.world.until(lambda: "201 > proxy 200 INVITE" in house.world.ladder())
    door.hang_up()
    house.run(2000)
    assert "answered" not in door.said
    assert door.last("ended") == {"cause": "hang-up", "status": 487}
    assert is_ended(house.first.calls[0])
    house.rest()


def test_a_phone_whose_answer_cannot_be_understood_ends_the_call_and_the_next_press_rings():
    house = house_where(answers_after(100))
    for body in (b"", b"v=0\r\n", described("10.0.1.1", 6000, "18"), described("10.0.1.1", 0)):
        house.first.body = body
        house.door.told.clear()
        house.door.press()
        house.run(1000)
        assert house.door.said == RINGING + ["error", "ended"]
        assert house.door.last("ended") == {"cause": "fault", "status": 200}
        assert is_ended(house.first.calls[-1])
        assert not house.door.voice.is_open
    house.first.body = described("10.0.1.1")
    house.door.press()
    house.run(1000)
    assert house.door.said[-1] == "answered"
    house.rest()


def test_a_port_that_cannot_be_opened_ends_the_press_with_a_reason():
    house = house_where(RINGS)
    house.door.voice.open_fault = OSError("no free UDP port")
    house.door.press()
    assert house.door.said == ["press", "error", "ended"]
    assert house.door.last("error") == {"why": "no free UDP port"}
    assert house.door.last("ended") == {"cause": "fault", "status": 487}
    house.door.voice.open_fault = None
    house.door.press()
    house.run(100)
    assert house.door.said[-3:] == RINGING
    house.rest()


def test_a_voice_that_cannot_start_ends_the_call_that_it_was_for():
    house = house_where(answers_after(100))
    house.door.voice.start_fault = OSError("no speaker")
    house.door.press()
    house.run(1000)
    assert house.door.said == RINGING + ["error", "ended"]
    assert is_ended(house.first.calls[0])
    house.rest()


def test_a_voice_that_cannot_stop_leaves_no_call_behind():
    house = talking()
    house.door.voice.stop_fault = OSError("disk full")
    house.door.hang_up()
    house.run(1000)
    assert house.door.said[-2:] == ["ended", "error"]
    assert house.door.station.state == IDLE
    assert is_ended(house.first.calls[0])
    house.door.voice.stop_fault = None
    house.door.press()
    house.run(1000)
    assert house.door.said[-1] == "answered"
    house.rest()


def test_a_fault_elsewhere_ends_the_visit_and_nothing_else():
    house = talking()
    house.door.fail("KeyError: x")
    house.run(500)
    assert house.door.last("error") == {"why": "KeyError: x"}
    assert house.door.last("ended") == {"cause": "fault", "status": 200}
    assert is_ended(house.first.calls[0])
    house.door.fail("again")
    house.run(100)
    assert house.door.said[-2:] == ["ended", "error"]
    house.rest()


def test_the_times_of_a_call_that_is_over_do_not_end_the_next():
    house = house_where(BUSY)
    house.door.press()
    house.run(24000)
    house.first.manner = RINGS
    house.door.press()
    house.run(24000)
    assert house.door.station.state == CALLING
    house.door.hang_up()
    house.first.manner = answers_after(100)
    for _ in range(2):
        house.door.press()
        house.run(40000)
        assert house.door.station.state == TALKING
        house.door.hang_up()
        house.run(1000)
    house.rest()


def test_an_answer_that_is_looked_at_after_its_call_was_given_up_is_not_talked_to():
    house = house_where(answers_after(500), RINGS)
    door = house.door
    door.call("201")
    door.is_asleep = True
    house.run(1000)
    door.hang_up()
    door.call("202")
    door.is_asleep = False
    door.beats(500)
    assert "answered" not in door.said
    assert door.station.state == CALLING and door.last("ringing")["peer"] == TWO[1]
    assert is_ended(house.first.calls[0])
    house.rest()


def test_each_call_has_a_status_of_its_own():
    house = talking()
    house.door.hang_up()
    house.first.manner = RINGS
    house.run(500)
    house.door.press()
    house.run(31000)
    assert house.door.last("ended") == {"cause": "ring time-out", "status": 487}
    house.rest()


# Calls from a console


def test_a_call_rings_one_target_as_a_press_does():
    house = house_where(RINGS)
    house.door.call("201")
    house.run(500)
    assert house.door.said == ["calling", "ringing"]
    house.door.call("201")
    house.run(500)
    assert house.door.last("error") == {"why": "call 201: another call is running"}
    assert len(house.first.calls) == 1
    house.rest()


# Calls to the door


def test_a_call_to_the_door_is_answered_by_itself():
    house = House()
    call = house.first.call("door", described("10.0.1.1", 6000, "0 8 101"))
    house.run(500)
    assert house.first.story == ["answered"]
    assert house.door.last("answered") == {"peer": "sip:201@pbx.example", "encoding": "PCMU"}
    assert (house.door.voice.stream.host, house.door.voice.stream.port) == ("10.0.1.1", 6000)
    house.door.press()
    house.run(500)
    assert house.door.last("ended") == {"cause": "button", "status": 200}
    assert is_ended(call)
    house.rest()


def test_a_call_to_the_door_ends_when_its_time_is_over_or_the_caller_hangs_up():
    house = House()
    house.first.call("door", described("10.0.1.1"))
    house.run(500)
    house.first.hang_up()
    house.run(500)
    assert house.door.last("ended") == {"cause": "remote", "status": 200}
    house.first.call("door", described("10.0.1.1"))
    house.run(61000)
    assert house.door.last("ended") == {"cause": "talk time-out", "status": 200}
    house.rest()


def test_a_caller_who_never_acknowledges_is_hung_up():
    house = House()
    for _ in range(40):  # of his ACKs
        house.world.drops.append("ACK")
    house.first.call("door", described("10.0.1.1"))
    house.run(59000)
    assert house.door.last("ended") == {"cause": "no ack", "status": 200}
    assert not house.door.voice.is_open


@pytest.mark.parametrize(
    "changes, body, status, why",
    [
        ({"auto_answer": False}, described("10.0.1.1"), 480, "auto_answer is false"),
        (
            {},
            described("10.0.1.1", 6000, "18"),
            488,
            "the caller offers no audio that this door speaks (PCMA or PCMU over RTP/AVP)",
        ),
        ({}, b"v=0\r\n", 488, "the session description has no media line"),
    ],
)
def test_a_call_that_cannot_be_taken_is_turned_away(changes, body, status, why):
    house = House(changes)
    house.first.call("door", body)
    house.run(1000)
    assert house.first.story == ["ended refused %d" % status]
    assert house.door.told == [
        ("turned_away", {"peer": "sip:201@pbx.example", "status": status, "why": why})
    ]
    assert house.door.station.state == IDLE
    assert not house.door.voice.is_open
    house.door.press()
    house.run(100)
    assert "ringing" in house.door.said
    house.rest()


def test_a_caller_is_turned_away_when_there_is_no_port_for_his_voice():
    house = House()
    house.door.voice.open_fault = OSError("no free UDP port")
    house.first.call("door", described("10.0.1.1"))
    house.run(1000)
    assert house.door.last("turned_away")["status"] == 500
    assert house.first.story[-1].startswith("ended refused 500")
    assert house.door.station.state == IDLE
    house.rest()


def test_who_calls_a_door_that_rings_or_talks_hears_that_it_is_busy():
    house = house_where(answers_after(2000), RINGS)
    house.door.press()
    house.run(1000)
    house.phones[1].call("door", described("10.0.1.2"))
    house.run(500)
    assert house.door.last("turned_away")["status"] == 486
    assert house.phones[1].story[-1] == "ended refused 486"
    house.run(2000)
    assert house.door.last("answered")["peer"] == TWO[0]  # the visit went on
    stream = house.door.voice.stream
    house.phones[1].call("door", described("10.0.1.2"))
    house.run(500)
    assert house.phones[1].story[-1] == "ended refused 486"
    assert house.door.voice.stream is stream
    house.run(62000)  # nor did it take the talk's time-out away
    assert house.door.last("ended")["cause"] == "talk time-out"
    house.rest()


# A session that changes


def called_by_a_peer():
    """A house whose door talks to a scripted peer, the peer, and the door's 200 to its INVITE."""
    house = House()
    peer = house.world.peer()
    peer.say(peer.request("INVITE", DOOR, body=described(peer.hop[1])), house.door)
    answer = peer.last("200 INVITE")
    peer.say(peer.within(answer, "ACK", 1), house.door)
    assert house.door.said == ["answered"]
    return house, peer, answer


def reoffered(house, peer, answer, body):
    """The door's response to a new offer of the peer, which acknowledges it."""
    peer.heard.clear()
    invite = peer.within(answer, "INVITE", 2)
    invite.body = body
    peer.say(invite, house.door)
    response = peer.heard[-1]
    peer.say(peer.within(answer, "ACK", 2), house.door)
    return response


def origin(body):
    """(session id, version) of a description."""
    words = body.split(b"o=")[1].split()
    return int(words[1]), int(words[2])


def test_a_new_offer_of_the_phone_moves_the_voice_and_keeps_port_and_session():
    house, peer, answer = called_by_a_peer()
    response = reoffered(house, peer, answer, described("10.9.9.9", 9000, "0", "a=sendonly\r\n"))
    assert response.status == 200
    assert b"m=audio 4000 RTP/AVP 0" in response.body and b"a=recvonly" in response.body
    assert origin(response.body)[0] == origin(answer.body)[0]
    stream = house.door.voice.stream
    assert (stream.host, stream.port, stream.encoding) == ("10.9.9.9", 9000, "PCMU")
    assert not stream.sending and stream.receiving
    house.run(40000)
    assert house.door.station.state == TALKING
    house.run(30000)
    assert house.door.last("ended")["cause"] == "talk time-out"  # which began with the call


def test_a_new_offer_that_cannot_be_spoken_is_refused_and_the_call_goes_on_as_it_was():
    house, peer, answer = called_by_a_peer()
    stream = house.door.voice.stream
    response = reoffered(house, peer, answer, described("10.9.9.9", 9000, "18"))
    assert response.status == 488
    assert house.door.voice.stream is stream
    house.run(40000)
    assert house.door.station.state == TALKING
    assert house.door.said == ["answered"]


# Codes and relays


def test_a_code_opens_the_door_for_its_time():
    house = talking()
    door = house.door
    door.dial("123")
    assert door.said[-3:] == ["digit"] * 3
    door.dial("4", 0)
    assert door.said[-3:] == ["digit", "code_accepted", "opened"]
    assert door.last("digit") == {"digit": "4"}
    assert door.last("code_accepted") == {"relay": "door"}
    assert door.last("opened") == {"relay": "door"}
    house.run(2990)
    assert door.relays["door"].closed
    house.run(20)
    assert not door.relays["door"].closed
    assert door.last("closed") == {"relay": "door"}
    assert door.relays["door"].moves == [True, False]
    assert door.relays["gate"].moves == []
    house.rest()


def test_a_code_that_comes_again_prolongs_the_opening():
    house = talking()
    door = house.door
    door.dial("1234", 0)
    house.run(2000)
    door.dial("1234", 0)
    house.run(2900)
    assert door.relays["door"].closed
    house.run(200)
    assert not door.relays["door"].closed
    assert door.relays["door"].moves == [True, False]
    assert (door.said.count("opened"), door.said.count("closed")) == (1, 1)
    assert door.said.count("code_accepted") == 2
    house.rest()


def test_two_relays_keep_their_own_times():
    house = talking()
    house.door.dial("123499", 0)
    house.run(1500)
    assert [house.door.relays[name].closed for name in ("door", "gate")] == [True, False]
    house.run(2000)
    assert not house.door.relays["door"].closed
    house.rest()


@pytest.mark.parametrize("who", ["phone", "button"])
def test_a_call_that_ends_leaves_the_door_open_for_its_time(who):
    house = talking()
    door = house.door
    door.dial("1234", 0)
    if who == "phone":
        house.first.hang_up()
    else:
        door.press()
    house.run(1000)
    assert door.said[-1] == "ended"
    assert door.relays["door"].closed
    house.run(2100)
    assert not door.relays["door"].closed
    assert door.said[-1] == "closed"
    house.rest()


def test_a_wrong_code_is_refused_and_three_lock_the_keypad_over_calls():
    house = talking()
    door = house.door
    door.dial("1111")
    assert door.last("code_refused") == {"locked": False}
    door.dial("22223333")
    assert door.last("code_refused") == {"locked": True}
    door.hang_up()
    house.run(500)
    house.first.call("door", described("10.0.1.1"))
    house.run(500)
    door.dial("1234")
    assert door.said[-1] == "code_refused"
    assert door.relays["door"].moves == []
    house.run(58000)
    door.hang_up()
    house.run(2000)
    house.first.call("door", described("10.0.1.1"))
    house.run(500)
    door.dial("1234")
    assert door.relays["door"].closed
    house.rest()


def test_digits_of_one_call_are_no_part_of_a_code_in_the_next():
    house = talking()
    house.door.dial("12")
    house.first.hang_up()
    house.run(200)
    house.door.press()
    house.run(1000)
    house.door.dial("34")
    assert house.door.relays["door"].moves == []
    house.rest()


# Buttons


@pytest.mark.parametrize("ms, presses", [(10, 0), (20, 0), (40, 1), (200, 1), (5000, 1)])
def test_how_long_a_press_may_be(ms, presses):
    house = house_where(RINGS)
    house.door.press(ms)
    assert house.door.said.count("press") == presses
    assert house.door.station.state == (CALLING if presses else IDLE)
    house.rest()


# The table


class Recorder(Station):
    """Does nothing but note what its rows say."""

    def __init__(self, door):
        Station.__init__(
            self, configured(), door.agent, door.account, door.voice, door.contacts, {}, "h"
        )
        self.done = []
        for row in MACHINE.values():
            for action in row[:-1]:
                assert callable(getattr(self, action))
                setattr(self, action, self._noting(action))

    def _noting(self, action):
        return lambda: self.done.append(action)


# What each event does, by its number in the order of the module: in each state (actions, next), or None.
END = ("withdraw report_end", IDLE)
WALK = [
    ("PRESS", ("ring", CALLING), END, END),
    ("ANSWERED", None, ("withdraw_others talk", TALKING), None),
    ("REFUSED", None, ("report_end", IDLE), None),
    ("INCOMING", ("accept", TALKING), ("turn_away", CALLING), ("turn_away", TALKING)),
    ("TURNED_AWAY", None, None, ("fall_silent", IDLE)),
    ("ENDED", None, None, ("report_end", IDLE)),
    ("HANG_UP", None, END, END),
    ("RING_TIMEOUT", None, END, None),
    ("TALK_TIMEOUT", None, None, END),
    ("FAULT", None, END, END),
]


def test_every_pair_of_state_and_event_does_what_the_table_says_and_no_more():
    station = Recorder(House().door)
    rows = 0
    for event, (_, *outcomes) in enumerate(WALK):
        for state, outcome in enumerate(outcomes):
            station.state = state
            station.done.clear()
            station._handle(16 * event)
            expected = outcome or ("", state)
            assert (" ".join(station.done), station.state) == expected, (state, event)
            rows += outcome is not None
    assert rows == len(MACHINE)
    assert station.events == []
