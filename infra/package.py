#!/usr/bin/env python3
"""Builds the Lambda packages: target/package/offload-api.zip and offload-worker.zip, for
provided.al2023: `just package`.

Built against glibc 2.34, which is Amazon Linux 2023's, by cargo-zigbuild. What it needs it installs
under target/package/tools. The same sources give the same zip.
"""

import argparse
import os
import pathlib
import platform
import re
import shutil
import struct
import subprocess
import sys
import venv
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OUT = TARGET / "package"
TOOLS = OUT / "tools"

GLIBC = (2, 34)
TRIPLES = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
PROGRAMS = ["offload-api", "offload-worker"]
# What loading costs a cold start: if it is more than this, check what was linked.
ZIP_MAX = {"offload-api": 5.5e6, "offload-worker": 4.0e6}
ZIGBUILD, ZIGLANG, DEFLATE = "0.24.1", "0.15.2", "0.9.0"


def run(*command, **more):
    subprocess.run([str(c) for c in command], check=True, cwd=ROOT, **more)


def tools():
    """cargo-zigbuild, and a Python that has Zig and libdeflate; the path that finds both first."""
    python = TOOLS / "python"
    stamp = f"{ZIGBUILD} {ZIGLANG} {DEFLATE}"
    if not (TOOLS / ".complete").exists() or (TOOLS / ".complete").read_text() != stamp:
        venv.create(python, with_pip=True, clear=True)
        run(python / "bin" / "pip", "install", "--quiet", f"ziglang=={ZIGLANG}", f"deflate=={DEFLATE}")
        run("cargo", "install", "--quiet", "--locked", "--force", "--root", TOOLS, f"cargo-zigbuild@{ZIGBUILD}")
        (TOOLS / ".complete").write_text(stamp)
    return os.pathsep.join([str(TOOLS / "bin"), str(python / "bin"), os.environ["PATH"]])


def newest_glibc(binary):
    """The newest version of glibc that a binary asks for."""
    text = subprocess.run(["readelf", "--version-info", binary], check=True, capture_output=True, text=True).stdout
    return max(tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_(\d+(?:\.\d+)+)", text))[:2]


def deflated(data):
    """By libdeflate, which makes it 3 % smaller than zlib does."""
    script = "import deflate, sys; sys.stdout.buffer.write(deflate.deflate_compress(sys.stdin.buffer.read(), 12))"
    python = TOOLS / "python" / "bin" / "python"
    return subprocess.run([python, "-c", script], input=data, check=True, stdout=subprocess.PIPE).stdout


def pack(binary, zipped):
    """A zip of one entry; `zipfile` takes none that is deflated already.
    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"""
    data, name = binary.read_bytes(), b"bootstrap"
    packed = deflated(data)
    # A fixed time, the first of January 2000, and mode: the zip depends on the binary alone.
    day = (2000 - 1980) << 9 | 1 << 5 | 1
    entry = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, day, zlib.crc32(data), len(packed), len(data), len(name), 0)
    local = b"PK\3\4" + entry + name + packed
    made_by_unix, mode = 3 << 8 | 20, 0o100755 << 16
    central = b"PK\1\2" + struct.pack("<H", made_by_unix) + entry + struct.pack("<HHHII", 0, 0, 0, mode, 0) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    zipped.write_bytes(local + central + end)
    with zipfile.ZipFile(zipped) as archive:
        assert archive.read("bootstrap") == data


def refuses_sdk_calls(binary):
    """Whether the program ends at once where it is asked for what its package leaves out."""
    asked = {
        "OFFLOAD_AWS_CALLS": "sdk", "OFFLOAD_BUCKET": "b", "OFFLOAD_TABLE": "t",
        "OFFLOAD_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/q", "OFFLOAD_TOKEN_SECRET": "x" * 32,
        "OFFLOAD_AUTH": "none", "OFFLOAD_PROCESSOR": "none",
        "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a",
    }  # fmt: skip
    try:
        ended = subprocess.run([binary], env=asked, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 1 and "OFFLOAD_AWS_CALLS: this build" in ended.stdout + ended.stderr


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--arch", choices=TRIPLES, default="arm64", help="processor of the functions [default: arm64]")
    arch = args.parse_args().arch
    triple = TRIPLES[arch]
    env = {**os.environ, "PATH": tools(), "CARGO_TARGET_DIR": str(TARGET)}
    # A toolchain that is not rustup's must have the target already.
    if shutil.which("rustup"):
        run("rustup", "target", "add", triple, env=env)
    packages = [part for program in PROGRAMS for part in ("-p", program)]
    # Without the console and OTLP, which no function needs.
    build = ["cargo", "zigbuild", "--profile", "lambda", "--locked", "--no-default-features", *packages]
    run(*build, "--target", f"{triple}.{GLIBC[0]}.{GLIBC[1]}", env=env)
    wrong = []
    for program in PROGRAMS:
        binary, zipped = TARGET / triple / "lambda" / program, OUT / f"{program}.zip"
        pack(binary, zipped)
        size, zip_size, glibc = binary.stat().st_size, zipped.stat().st_size, newest_glibc(binary)
        print(f"{program} {arch}: {size / 1e6:.2f} MB, zip {zip_size / 1e6:.2f} MB, glibc {glibc[0]}.{glibc[1]}: {zipped}")
        if zip_size > ZIP_MAX[program]:
            wrong.append(f"{program} is larger than {ZIP_MAX[program] / 1e6} MB zipped")
        if glibc > GLIBC:
            wrong.append(f"{program} needs glibc {glibc}, and Amazon Linux 2023 has {GLIBC}")
        if triple.startswith(f"{platform.machine()}-") and not refuses_sdk_calls(binary):
            wrong.append(f"{program} takes OFFLOAD_AWS_CALLS=sdk, for which it has no code")
    # An empty text would count as a failure.
    return "\n".join(wrong) or 0


sys.exit(main())
