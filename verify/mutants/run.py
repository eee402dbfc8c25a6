#!/usr/bin/env python3
"""Removes each guard of the write protocol from the code in turn, and expects that a test fails:
`just mutants`.

Works on a copy of HEAD under target/, so that the checkout stays as it is. `--simulation N` runs up
to N seeds of the simulation instead of the tests. `--check` only searches the text of each guard in
the checkout: a change of a guard is a change of guards.py too.
"""

import argparse
import functools
import json
import os
import pathlib
import re
import subprocess
import sys

from guards import GUARDS

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants" / "copy"
BUILT = ROOT / "target" / "mutants" / "built"

TESTS = [
    ["cargo", "test", "--no-fail-fast", "-p", "offload-domain", "-p", "offload-service", "-p", "offload-stores",
     "-p", "offload-lifecycle", "--lib", "--test", "calls"],
    ["cargo", "test", "--no-fail-fast", "-p", "offload-tests", "--test", "system", "--",
     "call_order::", "clocks::", "idempotency::", "liveness::", "outages::", "publication::", "resilience::",
     "stores::"],
    ["cargo", "test", "--no-fail-fast", "-p", "offload-verify", "--test", "bounded", "--", "crash::", "chaos::"],
]  # fmt: skip


def without(root, path, changes):
    """The text of a file, and the same without its guard."""
    file = root / path
    text = mutant = file.read_text() if file.exists() else ""
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{path}: {old!r} is there {text.count(old)} times; see verify/mutants/guards.py")
        mutant = mutant.replace(old, new)
    return text, mutant


def run(command):
    env = {**os.environ, "CARGO_TARGET_DIR": str(BUILT), "CARGO_TERM_COLOR": "never"}
    done = subprocess.run(command, cwd=COPY, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def failing():
    """The tests that fail, or None if the code does not compile."""
    failed = []
    code, text = run(["cargo", "build", "-p", "offload-api", "-p", "offload-worker", "-p", "offload-cli", "--bins"])
    if code != 0:
        print(text[-3000:])
        return None
    for command in TESTS:
        code, text = run(command)
        if "error: could not compile" in text:
            print(text[-3000:])
            return None
        failed += sorted(set(re.findall(r"^test (\S+) \.\.\. FAILED", text, re.M)))
        if code != 0 and not failed:
            failed.append("(the run itself)")
    return failed


def simulated(seeds):
    """What the simulation finds within so many seeds, or None if the code does not compile."""
    metadata = subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=COPY)
    # Our own crates are compiled for every guard, so that it pays not to optimise them.
    quick = []
    for package in json.loads(metadata)["packages"]:
        for setting in ("opt-level=0", "codegen-units=16"):
            quick += ["--config", f"profile.release.package.{package['name']}.{setting}"]
    code, text = run(["cargo", "build", "--release", "--workspace", "--bin", "simulation", *quick])
    if code != 0:
        print(text[-3000:])
        return None
    code, text = run([BUILT / "release" / "simulation", str(seeds)])
    if code == 0:
        return []
    ran = re.search(r"^(\d+) seeds,", text, re.M)
    violated = re.search(r"^violated: (.*)", text, re.M)
    if not ran or not violated:
        raise ValueError(text[-3000:])
    return [f"{ran[1]} seeds: {violated[1]}"]


def survivors(guards, failing):
    """Removes the guards one after the other; how many can be removed without a failing test."""
    intact = failing()
    print(f"| {'nothing':60} | {', '.join(intact or []) or 'none, as expected'} |", flush=True)
    if intact != []:
        raise ValueError("the tests fail without any change")
    survived = 0
    for name, path, changes in guards:
        text, mutant = without(COPY, path, changes)
        (COPY / path).write_text(mutant)
        found = failing()
        (COPY / path).write_text(text)
        if found is None:
            raise ValueError(f"without {name} the code does not compile")
        survived += not found
        print(f"| {name:60} | {', '.join(found) or 'NONE'} |", flush=True)
    return survived


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--only", metavar="TEXT", default="", help="only guards whose name contains this")
    args.add_argument("--simulation", metavar="N", type=int, help="run up to N seeds of the simulation, not the tests")
    args.add_argument("--check", action="store_true", help="only check that the text of every guard is in the code")
    args = args.parse_args()
    guards = [guard for guard in GUARDS if args.only in guard[0]]
    if args.check:
        for _, path, changes in guards:
            without(ROOT, path, changes)
        return 0
    subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
    if COPY.exists():
        subprocess.run(["git", "worktree", "remove", "--force", str(COPY)], cwd=ROOT, check=True)
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(COPY), "HEAD"], cwd=ROOT, check=True)
    try:
        survived = survivors(guards, functools.partial(simulated, args.simulation) if args.simulation else failing)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(COPY)], cwd=ROOT, check=False)
    if survived and not args.simulation:
        return f"{survived} guards can be removed without a failing test"
    return 0


try:
    sys.exit(main())
except ValueError as e:
    sys.exit(str(e))
