"""README and docs/ say what is true of the code: examples, keys, events, links, commands."""

import json
import re
from pathlib import Path

import pytest
from station import config

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.json"))
BOARD = json.loads((ROOT / "boards" / "desktop.json").read_text())


def page(name):
    return (ROOT / name).read_text()


def rows(text):
    """The first cell of each row of each table of a page."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(text, heading):
    """What stands under a heading, up to the next one of its level or above."""
    level = heading.split(" ")[0]
    start = text.index(f"\n{heading}\n") + len(heading) + 2
    end = re.search(rf"^#{{1,{len(level)}}} ", text[start:], re.MULTILINE)
    return text[start:][: end.start()] if end else text[start:]


def anchors(text):
    """The anchors that the headings of a page make, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def test_there_is_an_example_for_each_peer_of_the_recipes():
    names = {path.stem for path in EXAMPLES}
    assert names == {"asterisk", "fritzbox", "freeswitch", "kamailio", "softphone"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_configuration_for_the_desktop(path):
    checked = config.check(json.loads(path.read_text()), BOARD)
    assert checked["codes"] == {"4711": "door"}


def test_the_configurations_on_the_page_are_accepted():
    found = blocks(page("docs/configuration.md"), "json")
    assert len(found) >= 2
    for text in found:
        config.check(json.loads(text), BOARD)


def test_the_second_configuration_on_the_page_is_the_defaults():
    smallest, whole = (
        config.check(json.loads(text), BOARD)
        for text in blocks(page("docs/configuration.md"), "json")[:2]
    )
    for key in ("ring_seconds", "talk_seconds", "auto_answer"):
        assert smallest[key] == whole[key]
    for key in ("server_port", "domain", "auth_user", "expires_seconds", "port"):
        assert smallest["sip"][key] == whole["sip"][key]


def documented_keys():
    """Key → its row, in the tables of docs/configuration.md."""
    text = page("docs/configuration.md")
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[cells[0].strip("`")] = cells
    return found


def schema_keys():
    for key, rule in config.SCHEMA.items():
        if isinstance(rule, dict):
            yield from rule.items()
        else:
            yield key, rule


def test_every_key_is_documented_and_no_other():
    keys = {key for key, _ in schema_keys()} | {"ring", "seconds"}
    assert set(documented_keys()) == keys


@pytest.mark.parametrize("key, rule", list(schema_keys()))
def test_a_key_is_documented_with_its_default_and_range(key, rule):
    default, least, most, _ = rule
    _, told_default, told_range, meaning = documented_keys()[key]
    if isinstance(default, bool):
        assert told_default == f"`{str(default).lower()}`"
    elif isinstance(default, int):
        assert told_default == f"`{default}`"
        assert str(most) in told_range
        assert str(least) in told_range
    elif default != "":
        assert told_default == "required"
    assert "Example: `" in meaning


@pytest.mark.parametrize("name", ["sip", "buttons", "relays", "codes"])
def test_every_section_has_a_heading(name):
    assert re.search(rf"^## `{name}`", page("docs/configuration.md"), re.MULTILINE)


def test_a_refusal_on_the_page_is_what_the_check_says():
    text = section(page("docs/configuration.md"), "## What a refusal looks like")
    told = re.findall(r"^    (\S+) is (.*?): ", text, re.MULTILINE)
    assert len(told) == 4
    whole = json.loads(blocks(page("docs/configuration.md"), "json")[1])
    broken = {
        "codes.4711": {**whole, "codes": {"4711": "gate"}},
        "sip.server": {**whole, "sip": {"user": "door", "password": "x"}},
        "ring_seconds": {**whole, "ring_seconds": 500},
        "sip.pasword": {**whole, "sip": {**whole["sip"], "pasword": "door-secret"}},
    }
    for key, _ in told:
        with pytest.raises(config.ConfigError) as refusal:
            config.check(broken[key], BOARD)
        assert f"    {refusal.value}\n" in text


def emitted_events():
    """The names of all events that the code prints: literals in calls of event() and _report()."""
    names = set()
    for path in (ROOT / "firmware").rglob("*.py"):
        if "sip" not in path.parts:  # those are reports to the station
            names |= set(re.findall(r"\b(?:_report|event)\(\s*\"(\w+)\"", path.read_text()))
    return names


def test_every_event_is_documented_and_no_other():
    events = section(page("docs/simulator.md"), "## Events")
    first_table = events.split("\n\n`ended` says why")[0]
    assert {row.strip("`") for row in rows(first_table)} == emitted_events()
    assert len(emitted_events()) >= 18


def test_every_cause_of_an_end_is_documented():
    events = section(page("docs/simulator.md"), "## Events")
    table = events.split("\n\n`ended` says why")[1].split("\n\n`status` holds")[0]
    told = {row.strip("`") for row in rows(table)}
    station = page("firmware/station/station.py")
    causes = set(re.findall(r"^    [A-Z_]+: \"(.+)\",$", station, re.MULTILINE))
    assert "ring time-out" in causes
    assert causes <= told
    call = page("firmware/sip/call.py")
    others = {cause for cause in told - causes if f'"{cause}"' in call}
    assert others == told - causes == {"remote", "refused", "no ack"}


def test_every_field_of_a_status_is_documented_and_no_other():
    events = section(page("docs/simulator.md"), "## Events")
    table = rows(events.split("\n\n`status` holds")[1])
    told = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    command = page("firmware/commands.py").split("def do_status")[1].split("def do_quit")[0]
    fields = set(re.findall(r"^ {12}\"(\w+)\": ", command, re.MULTILINE))
    voice = page("firmware/station/voice.py")
    fields |= set(re.findall(r"counted\[\"(\w+)\"\]", voice))
    counters = voice.split("_COUNTERS = (")[1].split(")")[0]
    fields |= set(re.findall(r"\"(\w+)\"", counters))
    assert told == fields
    assert len(fields) >= 15


@pytest.mark.parametrize(
    "event, fields",
    [
        ("turned_away", {"peer", "status", "why"}),
        ("answered", {"peer", "encoding"}),
        ("ended", {"cause", "status"}),
        ("registration_failed", {"aor", "status", "why", "retry_seconds"}),
        ("memory", {"used_bytes", "free_bytes", "peak_bytes"}),
    ],
)
def test_an_event_is_documented_with_its_fields(event, fields):
    row = next(
        line for line in page("docs/simulator.md").splitlines() if line.startswith(f"| `{event}` |")
    )
    assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == fields


def test_every_status_of_a_call_that_is_turned_away_is_documented():
    row = next(
        line
        for line in page("docs/simulator.md").splitlines()
        if line.startswith("| `turned_away`")
    )
    given = re.findall(r"self\._turn_away\((\d{3}),", page("firmware/station/station.py"))
    assert set(given) == set(re.findall(r"\b[3-6]\d\d\b", row))


def test_every_module_of_the_firmware_is_in_the_table_of_its_size():
    """In docs/memory.md; not the desktop's, and not what main.py unloads."""
    told = re.findall(r"^    ([a-z_0-9.]+)  ", page("docs/memory.md"), re.MULTILINE)
    firmware = ROOT / "firmware"
    there = set()
    for path in firmware.rglob("*.py"):
        module = ".".join(path.relative_to(firmware).with_suffix("").parts)
        there.add(module.removesuffix(".__init__"))
    wanted = {name for name in there if not name.startswith("hal.")} - {"station.config"}
    assert wanted <= set(told)
    assert {name for name in told if name != "limit"} <= there


def test_the_figures_of_the_demo_are_explained():
    text = page("docs/memory.md")
    for name in re.findall(r"\"((?:heap|allocated|passing)_\w+)\"\]? ?[:=]", page("tools/demo.py")):
        assert f"`{name}`" in text, name


def test_the_rows_on_the_page_are_rows_of_the_door():
    """The excerpt in docs/architecture.md is the code's own text."""
    excerpt = blocks(page("docs/architecture.md"), "python")[0]
    station = page("firmware/station/station.py")
    lines = [line for line in excerpt.splitlines() if line.startswith("    _")]
    assert len(lines) >= 3
    for line in lines:
        assert f"\n{line}\n" in station, line


def test_every_command_is_documented_and_no_other():
    commands = set(re.findall(r"def do_(\w+)\(", page("firmware/commands.py")))
    table = rows(section(page("docs/simulator.md"), "## Commands"))
    assert {row.strip("`").split(" ")[0] for row in table} == commands


@pytest.mark.parametrize("tool, name", [("simulate.py", "simulator"), ("sipserver", "server")])
def test_every_option_is_documented_and_no_other(tool, name):
    path = ROOT / "tools" / tool
    source = (path if path.is_file() else path / "__main__.py").read_text()
    options = set(re.findall(r"add_argument\(\s*\"(--[\w-]+)\"", source))
    told = {row.strip("`").split(" ")[0] for row in rows(page(f"docs/{name}.md"))}
    assert {row for row in told if row.startswith("--")} == options


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text()), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_make_command_is_a_target(path):
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    text = path.read_text()
    told = re.findall(r"(?:^ {4}|`)make ((?:[a-z]+ ?)+)", text, re.MULTILINE)
    for command in told:
        assert set(command.split()) <= targets, command
    if path.name == "README.md":
        assert {"demo", "test"} <= {word for command in told for word in command.split()}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_program_of_a_command_line_is_there(path):
    text = path.read_text()
    for script in re.findall(r"python (tools/\w+\.py)", text):
        assert (ROOT / script).exists(), script
    for module in re.findall(r"python -m ((?:tools|firmware)[\w.]*)", text):
        place = ROOT.joinpath(*module.split("."))
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_every_file_of_the_firmware_and_of_the_tools_is_on_the_map():
    """README says which file does what: each by its name, in the row of its directory."""
    text = section(page("README.md"), "## Which file does what")
    for top in ("firmware", "tools"):
        for path in sorted([*(ROOT / top).rglob("*.py"), *(ROOT / top).rglob("*.sh")]):
            if path.name not in ("__init__.py", "__main__.py"):
                assert f"`{path.name}`" in text or f"`{path.stem}`" in text, path


def test_every_file_on_the_map_is_there():
    text = section(page("README.md"), "## Which file does what")
    tops = ("firmware", "boards", "tools", "host_tests")
    names = {path.name for top in tops for path in (ROOT / top).rglob("*")}
    cells = [cell for row in text.splitlines() for cell in row.split("|")[1:3]]
    told = set(re.findall(r"`([^`]+)`", " ".join(cells)))
    assert {Path(name).name for name in told} <= {*names, *tops, "desktop"}
