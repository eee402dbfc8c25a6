#!/usr/bin/env python3
"""Records what api and worker do under load: target/profile/programs.profdata, by which the
programs of a release are optimised and laid out (`just dist`).

Builds them with counters, and has `bench service` and `bench batch` measure them. Needs
llvm-profdata of the version of LLVM that rustc has: `rustup component add llvm-tools`, or a package
such as Debian's llvm-22. A profile of the same sources and compiler is kept.
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


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, cwd=ROOT, **more)


def output(*command):
    return run(*command, capture_output=True, text=True).stdout


def field(name, text):
    return re.search(rf"^{name}: (\S+)", text, re.M)[1]


def profdata(rustc):
    """The llvm-profdata that reads what this rustc writes."""
    version = field("LLVM version", rustc).split(".")[0]
    own = pathlib.Path(output("rustc", "--print", "sysroot").strip())
    own = own / "lib/rustlib" / field("host", rustc) / "bin/llvm-profdata"
    names = [str(own), f"llvm-profdata-{version}", f"/usr/lib/llvm-{version}/bin/llvm-profdata"]
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    sys.exit(f"no llvm-profdata {version}: `rustup component add llvm-tools`, or install llvm-{version}")


def stamp(rustc):
    """What the profile depends on."""
    files = output("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *SOURCES)
    digest = hashlib.sha256(rustc.encode())
    for file in sorted(filter(None, files.split("\0"))):
        path = ROOT / file
        digest.update(file.encode() + b"\0" + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--again", action="store_true", help="record anew, whatever there is")
    args = args.parse_args()
    rustc = output("rustc", "-vV")
    merge, sources = profdata(rustc), stamp(rustc)
    if not args.again and PROFILE.exists() and STAMP.exists() and STAMP.read_text() == sources:
        print(PROFILE)
        return
    raw = FOLDER / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    STAMP.unlink(missing_ok=True)
    host = field("host", rustc)
    # For a target, so that build scripts and macros have no counters. Functions are counted before
    # they are linked as one, which takes longest.
    build = ["cargo", "build", "--locked", "--profile", "dist", "--target", host, "--workspace"]
    env = {
        **os.environ, "CARGO_TARGET_DIR": str(FOLDER), "CARGO_INCREMENTAL": "0", "CARGO_PROFILE_DIST_LTO": "off",
        "RUSTFLAGS": f"-Cprofile-generate={raw}",
    }  # fmt: skip
    run(*build, "--bin", "offload-api", "--bin", "offload-worker", "--bin", "bench-floor", env=env)
    run("cargo", "build", "--locked", "--release", "--workspace", "--bin", "bench")
    programs = {**os.environ, "OFFLOAD_TEST_PROGRAMS": str(FOLDER / host / "dist")}
    for load in LOADS:
        run(TARGET / "release/bench", *load, env=programs)
    recorded = sorted(raw.glob("*.profraw"))
    if not recorded:
        sys.exit(f"the programs wrote nothing into {raw}")
    run(merge, "merge", "-o", PROFILE, *recorded)
    STAMP.write_text(sources)
    print(PROFILE)


main()
