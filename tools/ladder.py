"""The ladder picture of captured calls, as text for a terminal and as SVG for a page.

    python tools/ladder.py call.pcap --name 127.0.0.1:5060=server --title "A call" --svg call.svg

Columns are the participants. Rows are the SIP messages in the order of time, the RTP streams (one
band for each direction, where it starts), the digits in them, and notes. Only UDP is seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import pcap
from tools.flow import DIGIT, FAILURE, MEDIA, NOTE, PROVISIONAL, REQUEST, SUCCESS, Flow, Row
from tools.pcap import Packet

Note = tuple[int, str, str]  # wall-clock time in ns, name of the participant, text

# From such a silence on the lifelines are drawn broken.
GAP_NS = 1_000_000_000


class Participant(NamedTuple):
    """A column."""

    name: str
    address: str


class Ladder(NamedTuple):
    """A flow, ready to be drawn."""

    title: str
    participants: list[Participant]
    rows: list[Row]
    zero_ns: int

    def text(self, width: int = 100) -> str:
        """The ladder in lines of `width` columns; more than three participants take more."""
        return _Text(self, width).draw()

    def svg(self) -> str:
        """The ladder as an SVG document on a white card, with nothing from elsewhere in it."""
        return _Svg(self).draw()

    def milliseconds(self, row: Row) -> str:
        return f"{(row.time_ns - self.zero_ns) / 1e6:.1f}"


def ladder(
    packets: Iterable[Packet],
    names: Mapping[str, str] | None = None,
    notes: Sequence[Note] = (),
    zero_ns: int | None = None,
    title: str = "",
) -> Ladder:
    """The ladder of the SIP messages and RTP streams among `packets` (in order of time).

    names: "address:port" or "address" -> name of a participant. They give the order of the columns;
    several addresses may have one name. Who is not named gets a column for each address and port.
    notes: what happened besides, drawn on the line of the participant named.
    zero_ns: the time that counts as 0 ms; as a rule the first row.
    """
    flow = Flow(names or {})
    packets = list(packets)
    for packet in packets:  # all SDP first: RTP may overtake the answer that announces it
        flow.message(packet)
    for packet in packets:
        flow.rtp(packet)
    rows = flow.rows + flow.media_rows()
    rows += [Row(NOTE, time, time, name, name, text, (text,), text) for time, name, text in notes]
    rows.sort(key=lambda row: row.time_ns)
    seen = dict.fromkeys(name for row in rows for name in (row.source, row.destination))
    order = dict.fromkeys([name for name in flow.names.values() if name in seen] + list(seen))
    participants = [Participant(name, flow.addresses.get(name, "")) for name in order]
    if zero_ns is None:
        zero_ns = rows[0].time_ns if rows else 0
    return Ladder(title, participants, rows, zero_ns)


# -- From rows to text ---------------------------------------------------------------------------


class _Text:
    LINES = {MEDIA: "═", DIGIT: "═"}
    FIRST_COLUMN = 11  # right of the times
    SPACING = (34, 60)

    def __init__(self, picture: Ladder, width: int):
        self.picture = picture
        count = len(picture.participants)
        narrow, wide = self.SPACING
        spacing = (width - self.FIRST_COLUMN - 1) // max(count - 1, 1)
        spacing = min(max(spacing, narrow), wide)
        places = range(self.FIRST_COLUMN, self.FIRST_COLUMN + count * spacing, spacing)
        self.column = {p.name: x for p, x in zip(picture.participants, places, strict=True)}
        self.width = max([width, *(x + 1 for x in self.column.values())])
        self.head_width = spacing - 2

    def draw(self) -> str:
        lines = [self.picture.title, ""] if self.picture.title else []
        lines += [self._heads([p.name for p in self.picture.participants], "ms")]
        if any(p.address for p in self.picture.participants):
            lines += [self._heads([p.address for p in self.picture.participants], "")]
        before = None
        for row in self.picture.rows:
            if before and row.time_ns - before.time_ns >= GAP_NS:
                lines.append("".join(self._lifelines("┊")))
            line = self._note(row) if row.kind == NOTE else self._arrow(row)
            lines.append(f"{self.picture.milliseconds(row):>9}" + "".join(line)[9:])
            before = row
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _heads(self, texts: list[str], time: str) -> str:
        line = list(f"{time:>9}".ljust(self.width))
        texts = [_fitting((text,), self.head_width) for text in texts]
        for number, (x, text) in enumerate(zip(self.column.values(), texts, strict=True)):
            last = number == len(texts) - 1
            start = x if number == 0 else x - len(text) + 1 if last else x - len(text) // 2
            line[start : start + len(text)] = text
        return "".join(line)

    def _lifelines(self, mark: str = "│") -> list[str]:
        line = [" "] * self.width
        for x in self.column.values():
            line[x] = mark
        return line

    def _arrow(self, row: Row) -> list[str]:
        line = self._lifelines()
        source, destination = self.column[row.source], self.column[row.destination]
        if source == destination:
            text = f"<┘ {row.labels[0]}"
            line[source + 1 : source + 1 + len(text)] = text
            return line
        left, right = min(source, destination) + 1, max(source, destination)
        stroke = "┄" if row.repeated else self.LINES.get(row.kind, "─")
        line[left:right] = stroke * (right - left)
        if destination > source:
            line[right - 1] = ">"
        else:
            line[left] = "<"
        label = f" {_fitting(row.labels, right - left - 6)} "
        start = (left + right - len(label)) // 2
        line[start : start + len(label)] = label
        return line

    def _note(self, row: Row) -> list[str]:
        line = self._lifelines()
        x = self.column[row.source]
        line[x] = "●"
        text = row.labels[0]
        start = x + 2 if x + 2 + len(text) <= self.width else max(0, x - 1 - len(text))
        line[start : start + len(text)] = text
        return line


def _fitting(labels: Sequence[str], length: int) -> str:
    """The longest label that fits, or as much of the shortest as does."""
    for label in labels:
        if len(label) <= length:
            return label
    return labels[-1][: length - 1] + "…"


# -- From rows to SVG ----------------------------------------------------------------------------


class _Svg:
    INK, FAINT, RULE = "#1f2328", "#6e7781", "#d0d7de"
    COLOURS = {
        REQUEST: "#0b5cad",
        PROVISIONAL: "#9a6700",
        SUCCESS: "#1a7f37",
        FAILURE: "#c62828",
        MEDIA: "#6639ba",
        DIGIT: "#6639ba",
    }
    LEGEND = (
        (REQUEST, "request"),
        (PROVISIONAL, "provisional or challenge"),
        (SUCCESS, "success"),
        (FAILURE, "failure"),
        (MEDIA, "media"),
    )
    FONT = (
        "ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
    )
    TIMES = 78  # where the times end
    PITCH = {MEDIA: 36, DIGIT: 32, NOTE: 34}
    MESSAGE_PITCH = 36
    GAP_PITCH = 18
    CHARACTER = 6.9  # a generous mean width at 12.5 px: the font is the reader's

    def __init__(self, picture: Ladder):
        self.picture = picture
        count = len(picture.participants)
        spacing = 332 if count <= 3 else 264
        longest = max(
            (max(8 * len(p.name), 6 * len(p.address)) for p in picture.participants), default=0
        )
        self.head_width = min(max(132, 20 + longest), spacing - 12)
        left = self.TIMES + 6 + self.head_width // 2
        self.column = {p.name: left + i * spacing for i, p in enumerate(picture.participants)}
        self.width = left + max(count - 1, 0) * spacing + self.head_width // 2 + 20
        self.top = 62 if picture.title else 20
        self.lifelines_top = self.top + 44
        y = self.lifelines_top + 4.0
        self.heights: list[float] = []
        self.gaps: list[float] = []
        for before, row in pairwise([None, *picture.rows]):
            if before and row and row.time_ns - before.time_ns >= GAP_NS:
                self.gaps.append(y + 12)
                y += self.GAP_PITCH
            if row:
                y += self.PITCH.get(row.kind, self.MESSAGE_PITCH)
                self.heights.append(y)
        self.bottom = y + 24

    def draw(self) -> str:
        title = self.picture.title or "SIP ladder"
        names = ", ".join(p.name for p in self.picture.participants)
        height = self.bottom + 44
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{height:.0f}"'
            f' viewBox="0 0 {self.width} {height:.0f}" role="img" font-family="{self.FONT}"'
            f' font-size="12.5" fill="{self.INK}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(f'SIP messages between {names}, in order of time.')}</desc>",
            f'<rect x=".5" y=".5" width="{self.width - 1}" height="{height - 1:.0f}" rx="10"'
            f' fill="#ffffff" stroke="{self.RULE}"/>',
        ]
        if self.picture.title:
            parts.append(_text(24, 38, self.picture.title, size=17, weight=600))
        parts += self._lifelines()
        for row, y in zip(self.picture.rows, self.heights, strict=True):
            time = _text(
                self.TIMES, y + 4, self.picture.milliseconds(row), self.FAINT, 11, anchor="end"
            )
            draw = {MEDIA: self._band, DIGIT: self._digit, NOTE: self._note}.get(row.kind)
            drawing = draw(row, y) if draw else self._arrow(row, y)
            parts.append(f"<g><title>{escape(row.detail)}</title>{time}{drawing}</g>")
        parts += self._heads() + self._legend() + ["</svg>"]
        return "\n".join(parts) + "\n"

    def _heads(self) -> list[str]:
        parts = [_text(self.TIMES, self.top + 25, "ms", self.FAINT, 11, anchor="end")]
        for participant in self.picture.participants:
            x = self.column[participant.name]
            parts.append(
                f'<rect x="{x - self.head_width / 2}" y="{self.top}" width="{self.head_width}"'
                f' height="44" rx="8" fill="#f6f8fa" stroke="{self.RULE}"/>'
            )
            y = self.top + (19 if participant.address else 27)
            parts.append(_text(x, y, participant.name, size=14, weight=600, anchor="middle"))
            if participant.address:
                y = self.top + 35
                parts.append(_text(x, y, participant.address, self.FAINT, 11, anchor="middle"))
        return parts

    def _lifelines(self) -> list[str]:
        """The lines, broader where a participant has media, broken where time is left out."""
        parts = [
            f'<path d="M{x} {self.lifelines_top}V{self.bottom:.0f}" stroke="{self.RULE}"'
            ' stroke-width="1.5"/>'
            for x in self.column.values()
        ]
        drawn = list(zip(self.picture.rows, self.heights, strict=True))
        for row, y in drawn:
            if row.kind == MEDIA:
                last = max(h for r, h in drawn if r.time_ns <= row.end_ns)
                for name in (row.source, row.destination):
                    parts.append(
                        f'<rect x="{self.column[name] - 4}" y="{y - 12:.0f}" width="8"'
                        f' height="{last - y + 24:.0f}" rx="4" fill="#e4daf7"/>'
                    )
        for y in self.gaps:
            for x in self.column.values():
                parts.append(
                    f'<path d="M{x} {y:.0f}v17" stroke="#fff" stroke-width="9"'
                    ' stroke-dasharray="3"/>'
                )
        return parts

    def _arrow(self, row: Row, y: float) -> str:
        colour = self.COLOURS[row.kind]
        source, destination = self.column[row.source], self.column[row.destination]
        dash = ' stroke-dasharray="5 4"' if row.repeated else ""
        stroke = f'fill="none" stroke="{colour}" stroke-width="1.75"{dash}'
        if source == destination:
            loop = f'<path d="M{source + 2} {y - 8}h18v12h-12" {stroke}/>'
            label = self._label(row, source + 28, y, 280, "start")
            return loop + _arrow_head(source + 2, y + 4, -1, colour) + label
        way = 1 if destination > source else -1
        line = f'<path d="M{source + 2 * way} {y}H{destination - 9 * way}" {stroke}/>'
        middle, room = (source + destination) / 2, abs(destination - source) - 28
        label = self._label(row, middle, y - 7, room, "middle")
        return line + _arrow_head(destination - 2 * way, y, way, colour) + label

    def _label(self, row: Row, x: float, y: float, room: float, anchor: str) -> str:
        label = _fitting(row.labels, int(room / self.CHARACTER))
        head = row.head if label.startswith(row.head) else ""
        rest, sdp, codecs = label[len(head) :].partition(" SDP")
        codecs = (sdp + codecs).strip()
        return (
            f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" stroke="#fff" stroke-width="4"'
            ' stroke-linejoin="round" paint-order="stroke">'
            f'<tspan font-weight="600" fill="{self.COLOURS[row.kind]}">{escape(head)}</tspan>'
            f"{escape(rest)}"
            f'<tspan fill="{self.COLOURS[MEDIA]}" font-size="11" dx="5">{escape(codecs)}</tspan>'
            "</text>"
        )

    def _band(self, row: Row, y: float) -> str:
        colour = self.COLOURS[MEDIA]
        source, destination = self.column[row.source], self.column[row.destination]
        if source == destination:
            return _text(source + 12, y + 4, row.labels[0], colour)
        way = 1 if destination > source else -1
        shoulder, tip = destination - 16 * way, destination - 2 * way
        shape = f"M{source + 2 * way} {y - 12}H{shoulder}L{tip} {y}L{shoulder} {y + 12}"
        room = int((abs(destination - source) - 40) / self.CHARACTER)
        return f'<path d="{shape}H{source + 2 * way}z" fill="#f3eefc" stroke="#b9a3e3"/>' + _text(
            (source + destination - 8 * way) / 2,
            y + 4.5,
            _fitting(row.labels, room),
            colour,
            anchor="middle",
        )

    def _digit(self, row: Row, y: float) -> str:
        colour = self.COLOURS[DIGIT]
        source, destination = self.column[row.source], self.column[row.destination]
        way = 1 if destination >= source else -1
        middle, half = (source + destination) / 2, 16 + 3.6 * len(row.head)
        return (
            f'<path d="M{source + 4 * way} {y}H{destination - 9 * way}" stroke="{colour}"'
            ' stroke-width="1.25" stroke-dasharray="1.5 3.5" stroke-linecap="round"/>'
            + _arrow_head(destination - 2 * way, y, way, colour)
            + f'<rect x="{middle - half}" y="{y - 11}" width="{2 * half}" height="22" rx="5"'
            f' fill="{colour}"/>'
            + _text(middle, y + 4.5, row.head, "#ffffff", weight=600, anchor="middle")
        )

    def _note(self, row: Row, y: float) -> str:
        text = row.labels[0]
        half = 12 + self.CHARACTER * len(text) / 2
        x = self.column[row.source]
        middle = max(min(x, self.width - 8 - half), self.TIMES + 6 + half)
        return (
            f'<rect x="{middle - half}" y="{y - 11}" width="{2 * half}" height="22" rx="11"'
            ' fill="#fff3c4" stroke="#d4a72c"/>'
            + _text(middle, y + 4.5, text, "#4d3800", anchor="middle")
        )

    def _legend(self) -> list[str]:
        parts = []
        x, y = 24.0, self.bottom + 24
        kinds = {row.kind for row in self.picture.rows}
        for kind, text in self.LEGEND:
            if kind in kinds:
                parts.append(
                    f'<path d="M{x:.0f} {y - 4:.0f}h18" stroke="{self.COLOURS[kind]}"'
                    ' stroke-width="3" stroke-linecap="round"/>'
                )
                parts.append(_text(x + 26, y, text, self.FAINT, 11))
                x += 52 + 5.6 * len(text)
        return parts


def _text(
    x: float,
    y: float,
    text: str,
    fill: str = _Svg.INK,
    size: float = 12.5,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size}" fill="{fill}"{bold}'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _arrow_head(tip: float, y: float, way: int, colour: str) -> str:
    return f'<path d="M{tip} {y}l{-9 * way} -4.5v9z" fill="{colour}"/>'


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw the SIP ladder of captured calls.")
    parser.add_argument("captures", nargs="+", type=Path, help="pcap files; several are merged")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="ADDRESS[:PORT]=NAME",
        help="name a participant; the order of the names is the order of the columns",
    )
    parser.add_argument("--title", default="")
    parser.add_argument("--svg", type=Path, help="write the picture to this file")
    parser.add_argument(
        "--text", type=Path, help="write the text to this file, not to the terminal"
    )
    options = parser.parse_args(arguments)
    names = dict(name.split("=", 1) for name in options.name if "=" in name)
    if len(names) < len(options.name):
        parser.error("--name takes ADDRESS=NAME or ADDRESS:PORT=NAME")
    try:
        packets = pcap.merge(*(pcap.read(path) for path in options.captures))
    except (OSError, ValueError) as error:
        print(f"ladder: {error}", file=sys.stderr)
        return 1
    picture = ladder(packets, names, title=options.title)
    if not picture.rows:
        print("ladder: no SIP and no RTP over UDP in there", file=sys.stderr)
        return 1
    if options.svg:
        options.svg.write_text(picture.svg(), encoding="utf-8")
    if options.text:
        options.text.write_text(picture.text(), encoding="utf-8")
    elif not options.svg:
        print(picture.text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
