"""The real phone: it talks, listens, presses keys, registers, and leaves as a good guest does."""

import hashlib
import os
import re
import signal
import socket
import sys
import threading
import time

import pytest

from tools.hearing import compare, mouth_to_ear_ms, read_wav
from tools.lines import LineProcess

pytest.importorskip("baresip", reason="baresip-python needs CPython 3.11 and has no wheel here")

VISITOR = "tools/speech/visitor.wav"
RESIDENT = "tools/speech/resident.wav"


def phone(user, *options):
    command = [sys.executable, "tools/phone.py", "--user", user, *map(str, options)]
    return LineProcess(command, name=f"phone {user}")


def test_two_phones_talk(tmp_path):
    """No server: 201 calls 202 at its address. Both speak, 201 presses keys, 201 hangs up."""
    with (
        phone("201", "--say", VISITOR, "--record", tmp_path / "201.wav") as caller,
        phone("202", "--say", RESIDENT, "--record", tmp_path / "202.wav") as callee,
    ):
        uri = callee.wait("ready")["uri"]
        own_uri = caller.wait("ready")["uri"]
        assert uri != own_uri
        caller.send(f"call {uri}")
        assert callee.wait("incoming")["from"] == own_uri
        caller.wait("ringing")
        callee.send("answer")
        caller.wait("answered")
        callee.wait("answered")
        said = {
            VISITOR: caller.wait("audio", direction="said")["start"],
            RESIDENT: callee.wait("audio", direction="said")["start"],
        }
        caller.send("dtmf 1234#")
        assert [callee.wait("digit")["digit"] for _ in range(5)] == list("1234#")
        assert caller.wait("dtmf")["digits"] == "1234#"
        lengths = {path: read_wav(path).size / 8000 for path in said}
        everything_said = max(said[path] + lengths[path] for path in said)
        time.sleep(max(0.0, everything_said + 0.3 - time.time()))
        caller.send("hangup")
        assert caller.wait("ended")["by"] == "local"
        ended = callee.wait("ended")
        assert ended["by"] == "remote"
        assert ended["packets_lost"] == 0
        heard = {VISITOR: callee.wait("recorded"), RESIDENT: caller.wait("recorded")}
    assert (caller.returncode, callee.returncode) == (0, 0)
    for path, recorded in heard.items():
        voice, samples = read_wav(path), read_wav(recorded["path"])
        assert samples.size == round(recorded["seconds"] * 8000)
        hearing = compare(voice, samples)
        assert hearing.correlation >= 0.98
        assert abs(hearing.gain_db) < 0.2
        # One packet of 20 ms, the way through two processes, and no jitter buffer.
        assert 15 < mouth_to_ear_ms(hearing, said[path], recorded["start"], voice.size) < 100


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_the_codec_is_the_one_asked_for(codec):
    """The other phone takes both, so the offer decides: its trace shows what was offered."""
    with phone("201", "--codec", codec) as caller, phone("202", "--verbose") as callee:
        caller.send(f"call {callee.wait('ready')['uri']}")
        callee.wait("incoming")
        callee.send("answer")
        caller.wait("answered")
        offers = re.findall(r"rtpmap:\d+ (PCM.)/8000", callee.stderr_tail(200))
    assert set(offers) == {codec}


def test_a_call_is_refused():
    with phone("201") as caller, phone("202") as callee:
        caller.send(f"call {callee.wait('ready')['uri']}")
        callee.wait("incoming")
        callee.send("reject")
        assert caller.wait("ended")["reason"].startswith("486")
        assert callee.wait("ended")["by"] == "local"


def test_a_caller_gives_up():
    with phone("201") as caller, phone("202") as callee:
        caller.send(f"call {callee.wait('ready')['uri']}")
        callee.wait("incoming")
        caller.wait("ringing")
        caller.send("hangup")
        assert caller.wait("ended")["by"] == "local"
        assert callee.wait("ended")["by"] == "remote"


def test_it_answers_by_itself_and_one_call_after_another(tmp_path):
    with phone("201") as caller, phone("202", "--answer-after", 200) as callee:
        uri = callee.wait("ready")["uri"]
        for _ in range(2):
            caller.send(f"call {uri}")
            rang = callee.wait("incoming")["time"]
            assert callee.wait("answered")["time"] - rang >= 0.2
            caller.wait("answered")
            callee.send("hangup")
            caller.wait("ended")
            callee.wait("ended")


def test_commands_that_cannot_be_are_answered():
    with phone("201") as lonely:
        lonely.wait("ready")
        for command in ("answer", "hangup", "dtmf 1", "call", "call 202", "dance"):
            lonely.send(command)
            assert lonely.wait("error", command=command)["message"]


def test_call_and_hangup_in_one_breath_keep_their_order():
    with phone("201") as caller, phone("202") as callee:
        uri = callee.wait("ready")["uri"]
        caller.send(f"call {uri}\nhangup")
        assert caller.wait("ended")["by"] == "local"


@pytest.mark.parametrize("way", ["quit", "end of input", "SIGTERM"])
def test_leaving_in_a_call_hangs_up(way):
    with phone("201") as caller, phone("202", "--answer-after", 0) as callee:
        caller.send(f"call {callee.wait('ready')['uri']}")
        caller.wait("answered")
        leave(caller, way)
        callee.wait("ended", by="remote")
        assert caller.stop() == 0


def leave(process, way):
    if way == "quit":
        process.send("quit")
    elif way == "SIGTERM":
        os.kill(process.pid, signal.SIGTERM)
    else:
        process.close_input()


class Registrar(threading.Thread):
    """Answers REGISTER with a challenge (RFC 2617, MD5, qop=auth), then by the password."""

    def __init__(self, password):
        super().__init__(daemon=True)
        self._password = password
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.expires = []
        self.uris = set()

    def run(self):
        while True:
            data, source = self._socket.recvfrom(4096)
            if data:
                self._socket.sendto(self._answer(data.decode()).encode(), source)
            else:
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        host, port = self.address.split(":")
        self._socket.sendto(b"", (host, int(port)))
        self.join()
        self._socket.close()

    def _answer(self, request):
        headers = dict(re.findall(r"^([\w-]+): *(.*?)\r$", request, re.MULTILINE))
        kept = "".join(
            f"{name}: {headers[name]}\r\n" for name in ("Via", "From", "Call-ID", "CSeq")
        )
        kept += f"To: {headers['To']};tag=registrar\r\n"
        if "Authorization" not in headers:
            status = "401 Unauthorized"
            kept += (
                'WWW-Authenticate: Digest realm="house", nonce="n1", qop="auth", algorithm=MD5\r\n'
            )
        elif self._right(dict(re.findall(r'(\w+)="?([^",]+)', headers["Authorization"]))):
            status = "200 OK"
            expires = headers.get("Expires") or re.findall(r"expires=(\d+)", headers["Contact"])[0]
            self.expires.append(int(expires))
            kept += f"Contact: {headers['Contact']};expires={expires}\r\n"
        else:
            status = "403 Forbidden"
        self.uris.add(request.split()[1])
        return f"SIP/2.0 {status}\r\n{kept}Content-Length: 0\r\n\r\n"

    def _right(self, digest):
        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        who = md5(digest["username"], "house", self._password)
        what = md5("REGISTER", digest["uri"])
        proof = (digest["nonce"], digest["nc"], digest["cnonce"], digest["qop"])
        return digest["response"] == md5(who, *proof, what)


@pytest.mark.parametrize("way", ["quit", "end of input", "SIGTERM"])
def test_it_registers_and_unregisters_when_it_leaves(way):
    with Registrar("secret") as registrar:
        options = ("--password", "secret", "--server", registrar.address, "--expires", 120)
        with phone("201", *options) as registered:
            registered.wait("registered")
            assert registrar.expires == [120]
            leave(registered, way)
            registered.wait("unregistered")
            assert registered.stop() == 0
        assert registrar.expires == [120, 0]


def test_it_registers_again_when_told():
    with Registrar("secret") as registrar:
        options = ("--password", "secret", "--server", registrar.address, "--domain", "house.test")
        with phone("201", *options) as registered:
            registered.wait("registered")
            registered.send("unregister")
            registered.wait("unregistered")
            registered.send("register")
            registered.wait("registered")
        assert [bool(expires) for expires in registrar.expires] == [True, False, True, False]
        assert {uri.partition(";")[0] for uri in registrar.uris} == {"sip:house.test"}


def test_a_wrong_password_is_told():
    with Registrar("secret") as registrar:
        options = ("--password", "wrong", "--server", registrar.address)
        with phone("201", *options) as refused:
            assert refused.wait("registration_failed")["status"] == 403
        assert refused.returncode == 0
        assert registrar.expires == []
