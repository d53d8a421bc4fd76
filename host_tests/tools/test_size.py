"""tools/size.py: what a configuration loads is what wiring.load imports, and its limits hold."""

import sys

import pytest

from tools import size
from tools.size import Footprint, footprint, over_limit, table

TREE = {
    "boot.py": "",
    "main.py": "import wiring\n",
    "wiring.py": (
        "from hal.desktop import net\n\n\n"
        "def load(config):\n"
        "    import sip.message\n\n"
        "    if 'tls' in config:\n"
        "        import sip.tls\n"
    ),
    "sip/__init__.py": "",
    "sip/message.py": "TABLE = bytes(10_000)\n",
    "sip/tls.py": "import json\n",
    "sip/never.py": "",
    "hal/__init__.py": "",
    "hal/desktop/__init__.py": "",
    "hal/desktop/net.py": "SIDE = 'desktop'\n",
    "hal/desktop/wav.py": "",
    "hal/esp32/__init__.py": "",
    "hal/esp32/net.py": "SIDE = 'a board'\n",
}


@pytest.fixture
def project(tmp_path):
    """A project with a firmware/ of its own."""
    for name, text in TREE.items():
        path = tmp_path / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_modules_are_those_that_load_imports(project):
    plain = footprint({"board": {}}, project)
    assert set(plain.mpy_bytes) == {
        *("boot", "main", "wiring", "sip", "sip.message"),
        *("hal", "hal.esp32", "hal.esp32.net"),  # a board's side in the desktop's place
    }
    assert set(footprint({"board": {"tls": {}}}, project).mpy_bytes) - set(plain.mpy_bytes) == {
        "sip.tls"
    }
    desktop = project / "build" / "host" / "hal" / "desktop"
    assert plain.desktop_bytes == sum(
        (desktop / name).stat().st_size for name in ("__init__.mpy", "net.mpy")
    )


def test_the_bytes_are_those_of_the_files_that_a_board_gets(project):
    plain = footprint({"board": {}}, project)
    board = project / "build" / "xtensawin"
    assert plain.mpy_bytes["sip.message"] == (board / "sip" / "message.mpy").stat().st_size
    assert plain.mpy_bytes["sip"] == (board / "sip" / "__init__.mpy").stat().st_size
    assert plain.total_bytes == sum(plain.mpy_bytes.values())


def test_the_heap_is_what_stays_allocated(project):
    before = footprint({"board": {}}, project).unix_heap_bytes
    assert 10_000 < before < 20_000
    (project / "firmware" / "sip" / "message.py").write_text("TABLE = bytes(50_000)\n")
    assert 39_000 < footprint({"board": {}}, project).unix_heap_bytes - before < 41_000


def test_a_configuration_that_does_not_load_says_why(project):
    (project / "firmware" / "sip" / "message.py").write_text("import nowhere\n")
    with pytest.raises(RuntimeError, match="no module named 'nowhere'"):
        footprint({"board": {}}, project)


def test_the_estimates_for_the_esp32():
    one = Footprint({"a": 1000, "b": 3000}, 0, 16_200)
    assert (one.heap_by_size_bytes, one.heap_by_unix_bytes) == (6200, 10_000)


def test_the_table_and_the_limits():
    footprints = {
        "ring-only": Footprint({"sip": 36 * 1024}, 0, 100),
        "plain": Footprint({"sip": 36 * 1024, "media": 20 * 1024 + 7}, 0, 200),
        "everything": Footprint({"sip": 900_000}, 0, 300),
    }
    assert over_limit(footprints) == [
        "plain loads 57,351 bytes of .mpy: 7 more than its limit of 56 KB."
    ]
    rows = [line.split() for line in table(footprints).splitlines()]
    assert rows[0] == ["ring-only", "plain", "everything"]
    assert ["media", "-", "20,487", "-"] in rows
    assert ["limit", "36,864", "57,344", "-"] in rows


def test_the_command_fails_when_a_limit_is_passed(monkeypatch, capsys):
    too_much = Footprint({"sip": 60_000}, 0, 100_000)
    monkeypatch.setattr(size, "footprint", lambda config: too_much)
    monkeypatch.setattr(sys, "argv", ["size", "plain"])
    with pytest.raises(SystemExit, match=r"plain loads 60,000 bytes of \.mpy"):
        size.main()
    assert "60,000" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["size", "everything"])
    size.main()
