"""tools/build.py: what is compiled, what is left alone, what goes where."""

import subprocess
import sys

import pytest

from tools import build as builder
from tools.build import BuildError, build, sources
from tools.interpreter import ROOT, micropython

TREE = {
    "main.py": "import door\n",
    "boot.py": "",
    "door.py": "from hal import board\n\n\ndef press():\n    return board.NAME\n",
    "web/index.html": "<p>door</p>",
    "hal/__init__.py": "",
    "hal/board.py": "NAME = 'any'\n",
    "hal/desktop/net.py": "SIDE = 'desktop'\n",
    "hal/desktop/cpython/micropython.py": "def const(value):\n    return value\n",
    "hal/esp32/net.py": "SIDE = 'esp32'\n",
}
VIPER = """import micropython


@micropython.viper
def twice(value: int) -> int:
    return value * 2


@micropython.native
def thrice(value):
    return value * 3
"""


@pytest.fixture
def project(tmp_path):
    """A project with a firmware/ of its own."""
    for name, text in TREE.items():
        path = tmp_path / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def built(root, march):
    output = root / "build" / march
    return {str(path.relative_to(output)) for path in build(march, root=root)}


def test_a_board_gets_its_side_of_hal_and_the_desktop_the_other(project):
    both = {"main.py", "boot.py", "door.mpy", "web/index.html", "hal/__init__.mpy", "hal/board.mpy"}
    assert built(project, "xtensawin") == both | {"hal/esp32/net.mpy"}
    assert built(project, "host") == both | {"hal/desktop/net.mpy"}


def test_the_files_named_are_the_files_there(project):
    files = build("host", root=project)
    there = {path for path in (project / "build" / "host").rglob("*") if path.is_file()}
    assert {path for path in there if not path.name.startswith(".")} == set(files)


def test_only_what_changed_is_compiled_again(project, monkeypatch):
    build("host", root=project)
    compiled = []
    compile_one = builder.Compiler.compile

    def counting(self, text, name):
        compiled.append(name)
        return compile_one(self, text, name)

    monkeypatch.setattr(builder.Compiler, "compile", counting)
    build("host", root=project)
    assert compiled == []
    (project / "firmware" / "door.py").write_text("pass\n")
    build("host", root=project)
    assert compiled == ["door.py"]
    (project / "build" / "host" / "hal" / "board.mpy").unlink()
    build("host", root=project)
    assert compiled == ["door.py", "hal/board.py"]
    build("host", root=project, optimise=0)
    assert len(compiled) == 2 + 4  # another optimisation is another file


def test_what_lost_its_source_is_removed_and_nothing_else(project):
    output = project / "elsewhere"
    output.mkdir()
    (output / "mine.txt").write_text("not the build's")
    build("host", output, project)
    (project / "firmware" / "door.py").unlink()
    build("host", output, project)
    assert not (output / "door.mpy").exists()
    assert (output / "hal" / "board.mpy").exists()
    assert (output / "mine.txt").exists()


def test_files_that_do_not_compile_are_all_named_and_leave_nothing_old(project):
    build("host", root=project)
    (project / "firmware" / "door.py").write_text("def f(:\n")
    (project / "firmware" / "hal" / "board.py").write_text("return 1 +\n")
    (project / "firmware" / "hal" / "new.py").write_text("")
    with pytest.raises(BuildError) as caught:
        build("host", root=project)
    assert "firmware/door.py does not compile" in str(caught.value)
    assert "firmware/hal/board.py does not compile" in str(caught.value)
    output = project / "build" / "host"
    assert not (output / "door.mpy").exists()
    assert (output / "hal" / "new.mpy").exists()


def test_bytecode_is_the_same_for_every_march():
    """Only viper and native code differs: what the desktop runs is what a board runs."""
    names = [
        path.relative_to(ROOT / "firmware")
        for path in sources("host")
        if path.suffix == ".py" and b"@micropython." not in path.read_bytes()
    ]
    assert len(names) > 5
    compilers = [builder.Compiler(march) for march in ("host", "xtensawin", "armv7em", "rv32imc")]
    for name in names:
        text = (ROOT / "firmware" / name).read_bytes()
        assert len({compiler.compile(text, str(name)) for compiler in compilers}) == 1, name


def test_where_the_unix_port_has_no_native_emitter_the_decorators_are_left_out(
    project, monkeypatch
):
    monkeypatch.setattr(builder.platform, "machine", lambda: "arm64")
    (project / "firmware" / "loops.py").write_text(VIPER)
    build("host", root=project)
    program = "import loops; print(loops.twice(4), loops.thrice(4))"
    output = project / "build" / "host"
    done = subprocess.run(
        [*micropython(), "-c", program], cwd=output, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"8", b"12"]
    assert (output / "loops.mpy").read_bytes() == builder.Compiler("host").compile(
        VIPER.replace("@micropython.viper", "").replace("@micropython.native", "").encode(),
        "loops.py",
    )


def test_the_firmware_compiles_for_the_esp32(tmp_path):
    assert build("xtensawin", tmp_path / "board")


def test_the_command(tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, "tools/build.py", "--march", "host", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    count = sum(path.suffix == ".mpy" for path in output.rglob("*"))
    assert count > 5
    assert done.stdout.startswith("host: ")
