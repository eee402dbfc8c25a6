#!/usr/bin/env python3
"""Records `offload up` and `offload submit --wait` in two terminals, as one animated SVG.

    python3 docs/recording/record.py target/release/offload docs/img/recording.svg

Only the standard library is used. A terminal is a pty; what the programs write there is kept with
its time, played on screens of characters, and each screen that differs from the one before becomes
a frame. A row that occurs in several frames is drawn once and referred to.
"""

import argparse
import fcntl
import html
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import tempfile
import termios
import time

COLUMNS = 104
ORDER = '{"kind":"report","rows":100000,"delay_ms":6000}'
# What a reader has on the screen: the commands as they are typed, and the usual ports.
UP = "$ cargo run --release -- up"
SUBMIT = f"$ offload submit '{ORDER}' --wait --output report.csv"
UP_ROWS, SUBMIT_ROWS = 10, 10
TYPING_SECONDS, AFTER_TYPING, END_SECONDS = 1.0, 0.4, 4.0
# The least time between two frames.
FRAME_SECONDS = 0.19

CHAR_WIDTH, ROW_HEIGHT, FONT_SIZE, MARGIN, GAP, TITLE = 8.2, 19, 13.6, 16, 14, 30
COLOURS = {"30": "#484f58", "31": "#ff7b72", "32": "#3fb950", "33": "#d29922", "34": "#58a6ff", "35": "#bc8cff",
           "36": "#39c5cf", "37": "#b1bac4"}
DEFAULT, DIM, BACKGROUND, BAR = "#e6edf3", "#8b949e", "#0d1117", "#161b22"
ESCAPE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Screen:
    """Rows of (character, style), and the few control sequences that a progress bar uses."""

    def __init__(self):
        self.rows, self.row, self.column, self.style = [[]], 0, 0, ()

    def write(self, text):
        position = 0
        while position < len(text):
            escape = ESCAPE.match(text, position)
            if escape:
                self.control(*escape.groups())
                position = escape.end()
                continue
            self.character(text[position])
            position += 1

    def character(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row, self.column = self.row + 1, 0
            while len(self.rows) <= self.row:
                self.rows.append([])
        elif character >= " ":
            row = self.rows[self.row]
            row.extend([(" ", ())] * (self.column + 1 - len(row)))
            row[self.column] = (character, self.style)
            self.column += 1

    def control(self, parameters, command):
        number = int(parameters) if parameters.isdigit() else None
        if command == "m":
            for code in (parameters or "0").split(";"):
                self.style = () if code in ("0", "") else (*self.style, code)
        elif command == "K":
            del self.rows[self.row][0 if number == 2 else self.column:]
        elif command == "A":
            self.row = max(0, self.row - (number or 1))
        elif command == "B":
            self.row += number or 1
        elif command == "G":
            self.column = (number or 1) - 1

    def lines(self, rows):
        """The last rows, each cut to the terminal's width."""
        return [tuple(row[: COLUMNS - 1]) + ((("…", ()),) if len(row) >= COLUMNS else ()) for row in self.rows[-rows:]]


class Terminal:
    """A program in a pty, whose output is kept with its time."""

    def __init__(self, command, folder):
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": folder})
        # Wider than what is drawn: the terminal must not wrap a long line that is cut there.
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        self.output = []

    def read(self, seconds):
        if select.select([self.file], [], [], seconds)[0]:
            try:
                data = os.read(self.file, 65536)
            except OSError:
                return False
            self.output.append((time.monotonic(), data))
            return bool(data)
        return True

    def text(self):
        return b"".join(data for _, data in self.output).decode(errors="replace")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def record(program):
    """The output of both terminals, with the usual ports in place of those that were free."""
    ports = {"8080": free_port(), "9000": free_port(), "9324": free_port(), "8000": free_port()}
    flags = zip(("--api", "--s3", "--sqs", "--dynamodb"), ports.values())
    with tempfile.TemporaryDirectory() as folder:
        up = Terminal([program, "up", *(part for flag, port in flags for part in (flag, f"127.0.0.1:{port}"))], folder)
        try:
            while "Ctrl-C" not in up.text():
                if not up.read(10):
                    raise SystemExit(f"offload up ended:\n{up.text()}")
            submit = [program, "submit", ORDER, "--wait", "--output", "report.csv"]
            client = Terminal([*submit, "--api", f"http://127.0.0.1:{ports['8080']}"], folder)
            began = time.monotonic()
            while client.read(10):
                pass
            os.waitpid(client.child, 0)
        finally:
            os.kill(up.child, signal.SIGTERM)
            os.waitpid(up.child, 0)

    def clean(text):
        for usual, port in ports.items():
            text = text.replace(str(port), usual)
        text = re.sub(r"(whsec_|v1\.)[\w+/=-]+", r"\1…", text).replace(" --api http://127.0.0.1:8080", "")
        return text.replace(program, "offload")

    # What comes after the table is advice that the other terminal takes.
    title, table, *_ = clean(up.text()).split("\r\n\r\n")
    output = [(at - began, clean(data.decode(errors="replace"))) for at, data in client.output]
    return f"{title}\r\n\r\n{table}", output


def frames(up, client):
    """Pairs of a time in seconds and the rows of both terminals then."""
    top, bottom = Screen(), Screen()
    top.write(f"\x1b[2m{UP[:2]}\x1b[0m{UP[2:]}\r\n{up}")
    above = top.lines(UP_ROWS)
    above += [()] * (UP_ROWS - len(above))
    result = []
    for typed in range(0, len(SUBMIT) + 1, 6):
        typing = Screen()
        typing.write(f"\x1b[2m{SUBMIT[:2]}\x1b[0m{SUBMIT[2:max(2, typed)]}")
        result.append((0.8 + TYPING_SECONDS * typed / len(SUBMIT), above, typing.lines(SUBMIT_ROWS)))
    bottom.write(f"\x1b[2m{SUBMIT[:2]}\x1b[0m{SUBMIT[2:]}\r\n")
    start, last = 0.8 + TYPING_SECONDS + AFTER_TYPING, 0.0
    result.append((start - AFTER_TYPING, above, bottom.lines(SUBMIT_ROWS)))
    for index, (at, text) in enumerate(client):
        bottom.write(text)
        if at - last >= FRAME_SECONDS or index + 1 == len(client):
            result.append((start + at, above, bottom.lines(SUBMIT_ROWS)))
            last = at
    return result, start + client[-1][0] + END_SECONDS


def spans(row):
    """A row as SVG text: characters of the same style together."""
    parts, position = [], 0
    while position < len(row):
        style, end = row[position][1], position
        while end < len(row) and row[end][1] == style:
            end += 1
        text = "".join(character for character, _ in row[position:end])
        colour = next((COLOURS[code] for code in style if code in COLOURS), DIM if "2" in style else DEFAULT)
        weight = ' font-weight="bold"' if "1" in style else ""
        if text.strip():
            x = f"{position * CHAR_WIDTH:.1f}"
            length = f"{len(text.rstrip()) * CHAR_WIDTH:.1f}"
            parts.append(f'<tspan x="{x}" fill="{colour}"{weight} textLength="{length}">'
                         f"{html.escape(text.rstrip(), quote=False)}</tspan>")
        position = end
    return "".join(parts)


def draw(recorded, seconds):
    width = COLUMNS * CHAR_WIDTH + 2 * MARGIN
    below = TITLE + UP_ROWS * ROW_HEIGHT + 2 * MARGIN + GAP
    height = below + TITLE + SUBMIT_ROWS * ROW_HEIGHT + 2 * MARGIN
    rows, uses = {}, []

    def use(row, y):
        text = spans(row)
        if not text:
            return ""
        name = rows.setdefault(text, f"r{len(rows)}")
        return f'<use href="#{name}" y="{y}"/>'

    def screen(lines, top):
        return "".join(use(row, top + index * ROW_HEIGHT) for index, row in enumerate(lines))

    top = TITLE + MARGIN + ROW_HEIGHT * 0.75
    still = screen(recorded[0][1], top)
    styles = []
    for index, (at, _, lines) in enumerate(recorded):
        until = recorded[index + 1][0] if index + 1 < len(recorded) else seconds
        begin, end = 100 * at / seconds, 100 * until / seconds
        if index == 0:
            begin = 0
        hidden = f"0%{{opacity:0}}{begin:.2f}%{{opacity:1}}" if begin else "0%{opacity:1}"
        rest = f"{end:.2f}%{{opacity:0}}" if end < 99.99 else ""
        styles.append(f"@keyframes f{index}{{{hidden}{rest}}}#f{index}{{animation-name:f{index}}}")
        uses.append(f'<g class="f" id="f{index}">{screen(lines, below + top)}</g>')
    defs = "".join(f'<text id="{name}" xml:space="preserve">{text}</text>' for text, name in rows.items())

    def window(y, rows, title):
        dots = "".join(f'<circle cx="{MARGIN + 4 + 18 * n}" cy="{y + TITLE / 2}" r="5.5" fill="{fill}"/>'
                       for n, fill in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")))
        inner = TITLE + rows * ROW_HEIGHT + 2 * MARGIN
        return (f'<rect y="{y}" width="{width:.0f}" height="{inner}" rx="9" fill="{BACKGROUND}"/>'
                f'<path d="M0 {y + TITLE}V{y + 9}a9 9 0 0 1 9-9H{width - 9:.0f}a9 9 0 0 1 9 9V{y + TITLE}z" '
                f'fill="{BAR}"/>{dots}<text x="{width / 2:.0f}" y="{y + 20}" fill="{DIM}" text-anchor="middle">'
                f"{title}</text>")

    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" \
aria-label="Two terminals: offload up starts the service, offload submit submits an order and waits with a progress bar until it is completed">
<!-- Made by docs/recording/record.py. -->
<style>text{{font:{FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}}
.f{{opacity:0;animation:{seconds:.2f}s step-end infinite}}#f{len(recorded) - 1}{{opacity:1}}
{"".join(styles)}
@media (prefers-reduced-motion:reduce){{.f{{animation:none}}}}</style>
<defs>{defs}</defs>
{window(0, UP_ROWS, "the service")}{window(below, SUBMIT_ROWS, "a client")}
<g transform="translate({MARGIN} 0)">{still}
{chr(10).join(uses)}</g>
</svg>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, help="the offload program")
    parser.add_argument("svg", type=pathlib.Path, help="where to write the recording")
    arguments = parser.parse_args()
    up, client = record(str(arguments.program.resolve()))
    recorded, seconds = frames(up, client)
    arguments.svg.write_text(draw(recorded, seconds))
    print(f"{len(recorded)} frames, {seconds:.1f} s, {arguments.svg.stat().st_size / 1024:.0f} KiB")


main()
