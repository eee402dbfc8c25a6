#!/usr/bin/env python3
"""Packs programs that are built already: an archive, a Python wheel and an npm package, all with
the same program.

    python3 packaging/build.py --programs target/release --target aarch64-apple-darwin --out dist

The wheel's platform is what the program needs: `manylinux_2_28` if its newest symbol of glibc is of
2.28. The same program gives the same packages.
"""

import argparse
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
HERE = ROOT / "packaging"
PROGRAMS = ["offload", "offload-api", "offload-worker"]
PAPERS = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"]
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]
# What a release is built against: that of Debian 10, Ubuntu 20.04, RHEL 8 and Amazon Linux 2023 is
# not older.
GLIBC = (2, 28)

# How Rust, npm and Python name a platform; {} is the oldest system that the program runs on.
TARGETS = {
    "x86_64-unknown-linux-gnu": ("linux", "x64", "manylinux_{}_x86_64"),
    "aarch64-unknown-linux-gnu": ("linux", "arm64", "manylinux_{}_aarch64"),
    "x86_64-unknown-linux-musl": ("linux", "x64", "musllinux_{}_x86_64"),
    "aarch64-unknown-linux-musl": ("linux", "arm64", "musllinux_{}_aarch64"),
    "x86_64-apple-darwin": ("darwin", "x64", "macosx_{}_x86_64"),
    "aarch64-apple-darwin": ("darwin", "arm64", "macosx_{}_arm64"),
}


def version():
    """That of the workspace, which every package has."""
    return re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


def archive_name(target):
    return f"status-offload-{version()}-{target}"


def npm_name(target):
    libc = ["musl"] if target.endswith("musl") else []
    return "-".join(["offload", *TARGETS[target][:2], *libc])


def oldest_glibc(program):
    """The oldest glibc that a program runs on, as `2_28`: that of its newest symbol."""
    text = subprocess.run(["readelf", "--version-info", program], check=True, capture_output=True, text=True).stdout
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_(\d+\.\d+)", text)}
    return "_".join(map(str, max(versions | {GLIBC})))


def oldest_system(program, target):
    if target.endswith("musl"):
        # It is static, and needs none. Python has no older name that all of today's installers
        # know.
        return "1_2"
    if TARGETS[target][0] == "linux":
        return oldest_glibc(program)
    # What `cargo build` got by this variable, or Rust's own least.
    least = "11.0" if target.startswith("aarch64") else "10.12"
    return os.environ.get("MACOSX_DEPLOYMENT_TARGET", least).replace(".", "_")


def pack(folder, files, to):
    """A tar of `files`, pairs of a name and a path, that depends on their content alone."""
    with to.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, filename="", mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w") as archive:
            for name, path in files:
                entry = tarfile.TarInfo(f"{folder}/{name}")
                content = path if isinstance(path, bytes) else path.read_bytes()
                executable = isinstance(path, pathlib.Path) and os.access(path, os.X_OK)
                entry.size, entry.mtime, entry.mode = len(content), 946684800, 0o755 if executable else 0o644
                archive.addfile(entry, io.BytesIO(content))
    print(f"{to.name}: {to.stat().st_size / 1e6:.1f} MB")


def archive(programs, target, out):
    files = [(name, programs / name) for name in PROGRAMS] + [(name, ROOT / name) for name in PAPERS]
    pack(archive_name(target), files, out / f"{archive_name(target)}.tar.gz")


def npm(programs, target, out):
    system, processor, _ = TARGETS[target]
    package = {
        "name": npm_name(target),
        "version": version(),
        "description": f"The program of the package offload, for {system} on {processor}",
        "license": "MIT OR Apache-2.0",
        "os": [system],
        "cpu": [processor],
        **({"libc": ["musl" if target.endswith("musl") else "glibc"]} if system == "linux" else {}),
        "files": ["offload", *LICENSES],
    }
    files = [("package.json", json.dumps(package, indent=2).encode()), ("offload", programs / "offload")]
    files += [(name, ROOT / name) for name in LICENSES]
    pack("package", files, out / f"{npm_name(target)}-{version()}.tgz")


def wheel(programs, target, out):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        shutil.copytree(HERE / "wheel", source, dirs_exist_ok=True)
        for name in LICENSES:
            shutil.copy(ROOT / name, source)
        env = {
            **os.environ,
            "WHEEL_VERSION": version(),
            "WHEEL_PLATFORM": TARGETS[target][2].format(oldest_system(programs / "offload", target)),
            "WHEEL_PROGRAM": str((programs / "offload").resolve()),
            # For hatchling: the same times in each build.
            "SOURCE_DATE_EPOCH": "946684800",
        }
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, source]
        subprocess.run(command, check=True, env=env)
    built = next(out.glob(f"offload-{version()}-py3-none-{env['WHEEL_PLATFORM']}.whl"))
    print(f"{built.name}: {built.stat().st_size / 1e6:.1f} MB")


def build(programs, target, out):
    out.mkdir(parents=True, exist_ok=True)
    missing = [name for name in PROGRAMS if not (programs / name).exists()]
    if missing:
        sys.exit(f"{programs} has no {missing[0]}: cargo build --release --workspace --bins")
    for one in (archive, npm, wheel):
        one(programs, target, out)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--programs", type=pathlib.Path, required=True, help="folder of the built programs")
    args.add_argument("--target", choices=TARGETS, required=True, help="what they were built for")
    args.add_argument("--out", type=pathlib.Path, required=True, help="where the packages go")
    args = args.parse_args()
    build(args.programs, args.target, args.out.resolve())


if __name__ == "__main__":
    main()
