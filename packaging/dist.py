#!/usr/bin/env python3
"""Builds api and worker as a release has them: target/TARGET/dist/offload-api and offload-worker,
optimised and laid out by what they do under load (`just dist`).

First it builds them with counters and has `bench service` and `bench batch` measure them. A profile
of the same sources and compiler is kept, so that only the first run takes half an hour. Needs
llvm-profdata and llvm-nm of the version of LLVM that rustc has: `rustup component add llvm-tools`,
or a package such as Debian's llvm-22.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Cargo runs in ROOT, so a relative folder is one of its.
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
FOLDER = TARGET / "profile"
PROFILE, STAMP = FOLDER / "programs.profdata", FOLDER / "programs.stamp"
SOURCES = ["Cargo.toml", "Cargo.lock", "api", "worker", "shared", "bench/src/service", "bench/src/stub"]
LOADS = [
    ["service", "--only", "api", "--no-install", "--rounds", "1", "--seconds", "6"],
    ["service", "--only", "worker", "--no-install", "--rounds", "1", "--seconds", "6"],
    ["batch", "--rounds", "1", "--seconds", "2"],
]
# A function is found in the profile by its name, which depends on the target, on the profile of
# Cargo, and on the features that the packages of one build have together: both builds are this one.
BUILD = ["--locked", "--profile", "dist", "-p", "offload-api", "-p", "offload-worker"]
# Of the functions of the api, what the profile must know: of another build, it knows none.
KNOWN_MIN = 0.5


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, cwd=ROOT, **more)


def output(*command):
    return run(*command, capture_output=True, text=True).stdout


def field(name, text):
    return re.search(rf"^{name}: (\S+)", text, re.M)[1]


def tool(name, rustc):
    """A tool of LLVM that reads what this rustc writes."""
    version = field("LLVM version", rustc).split(".")[0]
    own = pathlib.Path(output("rustc", "--print", "sysroot").strip())
    own = own / "lib/rustlib" / field("host", rustc) / "bin" / name
    names = [str(own), f"{name}-{version}", f"/usr/lib/llvm-{version}/bin/{name}"]
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    sys.exit(f"no {name} {version}: `rustup component add llvm-tools`, or install llvm-{version}")


def stamp(rustc, target):
    """What the profile depends on."""
    files = output("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *SOURCES)
    digest = hashlib.sha256(f"{rustc}{target}{BUILD}{LOADS}".encode())
    for file in sorted(filter(None, files.split("\0"))):
        path = ROOT / file
        digest.update(file.encode() + b"\0" + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def record(rustc, target):
    """Makes the profile."""
    raw = FOLDER / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    STAMP.unlink(missing_ok=True)
    made_of, flags = stamp(rustc, target), f"-Cprofile-generate={raw}"
    env = {**os.environ, "CARGO_TARGET_DIR": str(FOLDER), "CARGO_INCREMENTAL": "0", "RUSTFLAGS": flags}
    # For a target, so that build scripts and macros have no counters.
    run("cargo", "build", *BUILD, "--target", target, env=env)
    run("cargo", "build", "--locked", "--release", "--workspace", "--bin", "bench", "--bin", "bench-floor")
    programs = {**os.environ, "OFFLOAD_TEST_PROGRAMS": str(FOLDER / target / "dist")}
    for load in LOADS:
        run(TARGET / "release/bench", *load, env=programs)
    recorded = sorted(raw.glob("*.profraw"))
    if not recorded:
        sys.exit(f"the programs wrote nothing into {raw}")
    run(tool("llvm-profdata", rustc), "merge", "-o", PROFILE, *recorded)
    STAMP.write_text(made_of)


def known(rustc, target):
    """The part of the api's functions, as they were built last, that the profile has counts of."""
    libraries = (TARGET / target / "dist/deps").glob("liboffload_api-*.rlib")
    library = max(libraries, key=lambda path: path.stat().st_mtime)
    listed = output(tool("llvm-profdata", rustc), "show", "--all-functions", PROFILE)
    counted = set(re.findall(r"^  (?:\S*;)?(\S+):$", listed, re.M))
    # Its text is an ELF file's or LLVM's own.
    names = output(tool("llvm-nm", rustc), "--defined-only", "--format=just-symbols", library).split()
    ours = {name for name in names if "offload_api" in name and re.search(r"17h[0-9a-f]{16}E$", name)}
    return len(ours & counted) / max(len(ours), 1)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--target", help="what to build for; it must run here [default: this machine]")
    args.add_argument("--glibc", help="the oldest glibc that they run with, by cargo-zigbuild [default: this one]")
    args.add_argument("--again", action="store_true", help="record anew, whatever there is")
    args = args.parse_args()
    rustc = output("rustc", "-vV")
    target = args.target or field("host", rustc)
    if args.again or not PROFILE.exists() or not STAMP.exists() or STAMP.read_text() != stamp(rustc, target):
        record(rustc, target)
    cargo, full = (["cargo", "zigbuild"], f"{target}.{args.glibc}") if args.glibc else (["cargo", "build"], target)
    # Cargo forgets a profile's `strip` for a package that has an `opt-level` of its own.
    flags = ["-Cstrip=symbols", os.environ.get("RUSTFLAGS", ""), f"-Cprofile-use={PROFILE}"]
    env = {**os.environ, "RUSTFLAGS": " ".join(filter(None, flags))}
    run(*cargo, *BUILD, "--target", full, env=env)
    if (part := known(rustc, target)) < KNOWN_MIN:
        sys.exit(f"the profile knows {part:.0%} of the api's functions: it was recorded of another build")
    print(TARGET / target / "dist")


main()
