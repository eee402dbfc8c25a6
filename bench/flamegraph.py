#!/usr/bin/env python3
"""Draws where the processor time of an order goes, to docs/img/flame-graph.svg.

Needs Linux's perf, inferno (`cargo install inferno`), and what packaging/dist.py needs. Builds the
api as it is shipped, but with frame pointers and symbols, in the place of the other: later
`just dist` builds that one again.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Cargo runs in ROOT, so a relative folder is one of its.
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
PICTURE = ROOT / "docs/img/flame-graph.svg"
# A multiple of no timer's frequency, so that no work in step with one is missed.
FREQUENCY = "1999"
WARM_UP_SECONDS, SECONDS = 6, 12


def build():
    """The paths of the api and of the harness."""
    # Not by settings of Cargo's profile, which the names of functions depend on.
    flags = {"RUSTFLAGS": "-Cforce-frame-pointers=yes -Cdebuginfo=line-tables-only -Cstrip=none"}
    dist = [ROOT / "packaging/dist.py"]
    built = subprocess.run(dist, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **flags})
    floor = ["--bin", "bench", "--bin", "bench-floor"]
    subprocess.run(["cargo", "build", "--release", "--workspace", *floor], check=True, cwd=ROOT)
    return pathlib.Path(built.stdout.splitlines()[-1]), TARGET / "release/bench"


def record(programs, bench):
    """The stacks of the api while 32 clients submit orders."""
    data = programs / "perf.data"
    seconds = str(WARM_UP_SECONDS + SECONDS)
    api = programs / "offload-api"
    command = [bench, "service", "--only", "api", "--no-install", "--rounds", "1", "--seconds", seconds, "--api", api]
    load = subprocess.Popen(command, env={**os.environ, "OFFLOAD_TEST_PROGRAMS": str(programs)})
    try:
        while not (found := running(api)):
            if load.poll() is not None:
                sys.exit("bench service ended before it started the api")
            time.sleep(0.1)
        time.sleep(WARM_UP_SECONDS)
        perf = ["perf", "record", "-F", FREQUENCY, "-e", "cpu-clock", "-g", "-p", found, "-o", data]
        subprocess.run([*perf, "--", "sleep", str(SECONDS)], check=True, stdout=subprocess.DEVNULL)
    finally:
        load.terminate()
        load.wait()
    return data


def running(program):
    """The number of the process that runs a program."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (process / "exe").resolve() == program:
                return process.name
        except OSError:
            pass
    return None


def short(frame):
    """The name of a function without type parameters, and with the last parts of its path."""
    frame = frame.replace("{{closure}}", "{}")
    while (shorter := re.sub(r"<[^<>]*>", "", frame)) != frame:
        frame = shorter
    return "::".join([part for part in frame.split("::") if part][-3:]) or "?"


def draw(data):
    script = subprocess.run(["perf", "script", "-i", data], check=True, capture_output=True).stdout
    stacks = subprocess.run(["inferno-collapse-perf"], check=True, input=script, capture_output=True).stdout.decode()
    lines = []
    for line in stacks.splitlines():
        frames, count = line.rsplit(" ", 1)
        # Without the thread's name and what every stack begins with.
        frames = [short(frame) for frame in frames.split(";")]
        start = next((i for i, frame in enumerate(frames) if "run_task" in frame), 0)
        lines.append(f"{';'.join(frames[start:])} {count}")
    options = ["--minwidth", "0.4", "--title", "Processor time of POST /order", "--truncate-text-right", "--hash"]
    graph = subprocess.run(
        ["inferno-flamegraph", *options], check=True, input="\n".join(lines).encode(), capture_output=True
    )
    PICTURE.write_bytes(graph.stdout)
    print(PICTURE.relative_to(ROOT))


def main():
    missing = [tool for tool in ["perf", "inferno-collapse-perf", "inferno-flamegraph"] if not shutil.which(tool)]
    if missing:
        sys.exit(f"{', '.join(missing)} not found")
    draw(record(*build()))


main()
