"""Digest authentication against computations of RFC 2617, RFC 7616, RFC 8760 and of products."""

import json

import pytest
from sip import digest, header

_FOLDER = "host_tests/data/sip/digest/"


def load(name):
    with open(_FOLDER + name, "rb") as file:
        return json.loads(file.read().decode())


def ours(vector):
    """Whether the vector needs only what this module does: MD5, qop auth or none."""
    algorithm = vector.get("algorithm") or "MD5"
    return algorithm.upper() == "MD5" and (vector.get("qop") or "auth") == "auth"


def ha1_of(vector):
    if vector.get("ha1"):  # the password is not known
        return vector["ha1"]
    return digest.md5("%s:%s:%s" % (vector["username"], vector["realm"], vector["password"]))


VECTORS = load("vectors.json")


@pytest.mark.parametrize("number", [n for n, vector in enumerate(VECTORS) if ours(vector)])
def test_the_vectors_with_md5_and_qop_auth_or_none(number):
    vector = VECTORS[number]
    response = digest.response_of(ha1_of(vector), vector, vector["method"], vector["uri"])
    assert (response == vector["response"]) is (vector["verified"] != "NO")


def test_most_vectors_are_ours_and_one_of_them_is_known_to_be_wrong():
    mine = [vector for vector in VECTORS if ours(vector)]
    assert len(mine) >= 25
    assert [vector["verified"] for vector in mine].count("NO") == 1


def test_a_response_of_another_algorithm_or_quality_is_not_taken_for_ours():
    others = [vector for vector in VECTORS if not ours(vector)]
    assert len(others) >= 15
    for vector in others:
        computed = digest.response_of(ha1_of(vector), vector, vector["method"], vector["uri"])
        assert computed != vector["response"], vector["source"]


@pytest.mark.parametrize(
    "number", [n for n, v in enumerate(VECTORS) if ours(v) and not v.get("ha1")]
)
def test_what_a_client_answers_a_server_computes_too(number):
    """The way there and back, with the quotes and backslashes of the names and realms of the vectors."""
    vector = VECTORS[number]
    value = "Digest realm=%s, nonce=%s" % (
        header.quote(vector["realm"]),
        header.quote(vector["nonce"]),
    )
    if vector.get("qop"):
        value += ', qop="auth"'
    challenge = digest.Challenge(value)
    user, password, method, uri = [
        vector[name] for name in ("username", "password", "method", "uri")
    ]
    answer = challenge.answer(user, password, method, uri, "c0ffee")
    scheme, params = digest.scheme_and_parameters(answer)
    assert scheme == "digest"
    assert [params[name] for name in ("username", "realm", "uri", "nonce")] == [
        user,
        vector["realm"],
        uri,
        vector["nonce"],
    ]
    ha1 = digest.md5("%s:%s:%s" % (user, vector["realm"], password))
    assert params["response"] == digest.response_of(ha1, params, method, uri)


CHALLENGES = load("challenges.json")
# What must be made of each, in the order of the file: what of it we answer with, or None for a ValueError.
_EXPECTED = [
    None,  # SHA-512-256
    None,  # SHA-256
    {"realm": "[::1]", "qop": "auth", "is_stale": False},
    {"opaque": "1234567890abcedef", "qop": "auth", "is_stale": True},
    {"realm": "a", "nonce": "n", "opaque": "0", "qop": "auth", "algorithm": "md5"},
    None,  # a line feed in the algorithm
    None,  # CHACHA123
    {"nonce": "4ee102da2fb730e04a26e8da913249b264f391c3", "qop": None, "opaque": "123"},
    None,  # Basic
    {"realm": "IndigoSw", "qop": "auth", "is_stale": False},
    {"realm": "nokia-proxy", "opaque": "wkJxwA==", "qop": "auth"},
    {"realm": "fritz.box", "nonce": "9FBE994A42875C0F", "qop": None, "opaque": None},
    {"realm": "test21.djangopbx.com", "qop": "auth"},
    {"opaque": "", "qop": "auth"},
    None,  # no realm
    {"realm": "asterisk", "nonce": "39038dc9", "qop": None},
    None,  # a line of the wire with its name, three times: not one value
    None,  # the same, two realms
    None,  # two challenges in one field, which must not mix
    {"realm": 'a"b', "nonce": "c\\d", "qop": "auth"},
    None,  # a quote that does not end
    None,  # AKA
    None,  # auth-foo
    {"realm": "a", "qop": None},  # a nonce of several kilobytes
]


def test_each_challenge_has_an_expectation():
    assert len(CHALLENGES) == len(_EXPECTED)


@pytest.mark.parametrize("number", list(range(len(_EXPECTED))))
def test_challenges(number):
    value = CHALLENGES[number]["value"].replace("\r\n", " ")  # as a message unfolds it
    expected = _EXPECTED[number]
    if expected is None:
        with pytest.raises(ValueError) as raised:
            digest.Challenge(value)
        assert str(raised.value).startswith("the server")
    else:
        challenge = digest.Challenge(value)
        for name, what in expected.items():
            assert getattr(challenge, name) == what
        challenge.answer("u", "p", "REGISTER", "sip:h", "c")


def test_of_three_challenges_the_one_with_md5_is_answered():
    fields = CHALLENGES[16]["value"].split("\\r\\n")
    taken = []
    for field in fields:
        try:
            taken.append(digest.Challenge(field.split(": ", 1)[1]).nonce)
        except ValueError:
            pass
    assert taken == ["n3"]


def test_an_answer_with_qop_byte_for_byte():
    challenge = digest.Challenge(
        'Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' opaque="", algorithm=MD5'
    )
    assert challenge.answer("bob", "zanzibar", "INVITE", "sip:bob@biloxi.com", "0a4f113b") == (
        'Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' uri="sip:bob@biloxi.com", response="89eb0059246c02b2f6ee02c7961d5ea3", algorithm=MD5,'
        ' opaque="", qop=auth, nc=00000001, cnonce="0a4f113b"'
    )
    second = challenge.answer("bob", "zanzibar", "INVITE", "sip:bob@biloxi.com", "0a4f113b")
    assert "nc=00000002" in second
    assert "89eb0059246c02b2f6ee02c7961d5ea3" not in second


def test_an_answer_without_qop_says_only_what_the_challenge_knows():
    """RFC 2069 style, as a FRITZ!Box asks; no qop, no nc, no cnonce, no algorithm."""
    challenge = digest.Challenge(
        'Digest realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    )
    assert challenge.answer("bob", "zanzibar", "INVITE", "sip:bob@biloxi.com", "0a4f113b") == (
        'Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' uri="sip:bob@biloxi.com", response="bf57e4e0d0bffc0fbaedce64d59add5e"'
    )


def test_credentials_that_lack_everything_have_a_response_that_nobody_sends():
    scheme, params = digest.scheme_and_parameters("Digest\tx")
    assert (scheme, params) == ("digest", {"x": None})
    assert len(digest.response_of("ha1", params, "INVITE", "sip:h")) == 32
    assert digest.scheme_and_parameters("") == ("", {})
