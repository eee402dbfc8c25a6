#!/usr/bin/env python3
"""Installs the release program in each way that needs no toolchain, from a registry of its own on
this machine, and takes an order to its end by it. Each way has 30 seconds from its first command.

    cargo build --release --workspace --bins
    python3 packaging/try.py

The archive is unpacked into an empty root: there is nothing in it but glibc, and for musl nothing
at all. The others have a PATH without Rust and a home without anything.
"""

import argparse
import base64
import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
import venv

from build import ROOT, TARGETS, build, version
from release import release

TARGET_FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TOOLS = TARGET_FOLDER / "packaging"
UV, AUDITWHEEL = "0.13.8", "6.8.2"

ORDER = '{"kind":"report","rows":10,"delay_ms":500}'
SECONDS = 30
# What a program for Linux may need: glibc, and the run time of the compiler that is beside it.
ALLOWED = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libgcc_s.so.1"}
# What installers call, and these tests.
COMMANDS = "sh env node npm npx uname mktemp awk tar gzip cp mv rm mkdir cut sha256sum curl ldd readelf chroot unshare".split()


class Registry(http.server.SimpleHTTPRequestHandler):
    """A folder of packages as a release, an index of PyPI's kind and a registry of npm's."""

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        dist = pathlib.Path(self.directory)
        if parts == ["simple", "offload"]:
            links = [f'<a href="/{path.name}">{path.name}</a>' for path in dist.glob("*.whl")]
            return self.answer("text/html", "\n".join(links))
        if parts[0] == "npm" and len(parts) == 2:
            packages = [path for path in dist.glob(f"{parts[1]}-[0-9]*.tgz")]
            return self.answer("application/json", self.packument(packages[0])) if packages else self.send_error(404)
        return super().do_GET()

    def packument(self, path):
        with tarfile.open(path) as archive:
            package = json.load(archive.extractfile("package/package.json"))
        digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        host = self.headers["host"]
        package["dist"] = {"tarball": f"http://{host}/{path.name}", "integrity": f"sha512-{digest}"}
        latest = package["version"]
        return json.dumps({"name": package["name"], "dist-tags": {"latest": latest}, "versions": {latest: package}})

    def answer(self, kind, text):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def registry(dist):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Registry, directory=str(dist)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def in_tools():
    """Runs this in a Python with pip, uv and auditwheel."""
    stamp = TOOLS / ".complete"
    wanted = f"uv=={UV} auditwheel=={AUDITWHEEL}"
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(TOOLS, with_pip=True, clear=True)
        subprocess.run([TOOLS / "bin/pip", "install", "--quiet", *wanted.split()], check=True)
        stamp.write_text(wanted)
    if pathlib.Path(sys.prefix) != TOOLS:
        os.execv(TOOLS / "bin/python", [str(TOOLS / "bin/python"), *sys.argv])


def check_platform(wheel, program):
    """A wheel must be for no older glibc than auditwheel finds that it needs; for musl its program
    must need nothing."""
    if "musllinux" in wheel.name:
        if needed := libraries(program):
            sys.exit(f"{wheel.name} needs {needed}")
        return
    printed = subprocess.run([TOOLS / "bin/auditwheel", "show", wheel], capture_output=True, text=True)
    found = re.search(r'platform tag:\s+"manylinux_2_([0-9]+)_', printed.stdout)
    named = re.search(r"manylinux_2_([0-9]+)_", wheel.name)
    if not found or int(found[1]) > int(named[1]):
        sys.exit(f"auditwheel finds that {wheel.name} needs another platform: {printed.stdout}{printed.stderr}")
    print(f"auditwheel: glibc 2.{found[1]}")


def check_binstall(target, dist):
    """`cargo binstall` must find the archive and the program in it by the metadata of
    offload-cli."""
    metadata = tomllib.loads((ROOT / "cli/Cargo.toml").read_text())["package"]["metadata"]["binstall"]

    def filled(name):
        values = {"repo": "", "version": version(), "target": target, "bin": "offload"}
        return re.sub(r"{ (\w+) }", lambda found: values[found[1]], metadata[name])

    with tarfile.open(dist / filled("pkg-url").rsplit("/", 1)[1]) as archive:
        archive.getmember(filled("bin-dir"))


def path_without_rust(folder, path):
    folder.mkdir()
    for command in COMMANDS:
        if found := shutil.which(command, path=path):
            (folder / command).symlink_to(found)
    for command in ("cargo", "rustc", "cc"):
        assert not shutil.which(command, path=str(folder)), command
    return str(folder)


def libraries(program):
    """The paths of the libraries that a program needs, the loader among them; none if it is
    static."""
    headers = subprocess.run(["readelf", "--program-headers", program], check=True, capture_output=True, text=True).stdout
    if "INTERP" not in headers:
        return []
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    words = [line.split() for line in text.splitlines()]
    found = [line[2] if len(line) > 3 else line[0] for line in words]
    found = [pathlib.Path(path) for path in found if path.startswith("/")]
    other = {path.name for path in found if not path.name.startswith("ld-linux")} - ALLOWED
    if other:
        sys.exit(f"{program} needs more than glibc: {', '.join(sorted(other))}")
    return found


# --- The ways: each installs, and returns the command that runs the program -----------------------


def archive(home, url, dist):
    root = home / "root"
    with tarfile.open(next(dist.glob("*.tar.gz"))) as packed:
        packed.extractall(root, filter="data")
    folder = next(root.iterdir())
    for library in libraries(folder / "offload"):
        to = root / library.relative_to("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, to)
    (root / "tmp").mkdir()
    # Who is not root needs a user namespace for it.
    chroot = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
    return [*chroot, str(root), f"/{folder.name}/offload"]


def installer(home, url, dist):
    script = subprocess.run(["curl", "-fsSL", f"{url}/install.sh"], check=True, capture_output=True)
    subprocess.run(["sh"], input=script.stdout, check=True, capture_output=True)
    return [str(home / ".local/bin/offload")]


def pip(home, url, dist):
    if wheel := next(dist.glob("*musllinux*.whl"), None):
        # A Python of musl would take it by itself.
        platform_of = wheel.stem.split("-")[-1]
        command = [TOOLS / "bin/pip", "install", "--quiet", "--index-url", f"{url}/simple", "--target", home / "wheel"]
        subprocess.run([*command, "--platform", platform_of, "--only-binary=:all:", "offload"], check=True)
        return [str(home / "wheel/bin/offload")]
    venv.create(home / "venv", with_pip=True)
    command = [home / "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--index-url", f"{url}/simple", "offload"], check=True)
    return [str(home / "venv/bin/offload")]


def uvx(home, url, dist):
    os.environ.update(UV_DEFAULT_INDEX=f"{url}/simple", UV_PYTHON=sys.executable, UV_PYTHON_DOWNLOADS="never")
    return [str(TOOLS / "bin/uvx"), "--quiet", "offload"]


def npm(home, url, dist):
    os.environ.update(npm_config_registry=f"{url}/npm/", npm_config_update_notifier="false")
    if any(dist.glob("*-musl-*.tgz")):
        os.environ.update(npm_config_libc="musl")
    subprocess.run(["npm", "install", "--silent", "--global", "--prefix", home, "offload"], check=True)
    return [str(home / "bin/offload")]


def npx(home, url, dist):
    os.environ.update(npm_config_registry=f"{url}/npm/", npm_config_update_notifier="false")
    return ["npx", "--yes", "offload"]


WAYS = [archive, installer, pip, uvx, npm, npx]
# On a system with glibc the others take its programs alone.
WAYS_OF_MUSL = [archive, installer, pip, npm]


# --- Trying one -----------------------------------------------------------------------------------


def stop(service, way, deadline):
    """Whether it ended as it should."""
    if way is npx:
        # It passes no signal on, and dies of this one: Ctrl-C reaches all of a terminal's group.
        os.killpg(service.pid, signal.SIGINT)
        return service.wait(timeout=deadline) in (0, -signal.SIGINT)
    service.send_signal(signal.SIGTERM)
    return service.wait(timeout=deadline) == 0


def answers(api):
    host, port = api.removeprefix("http://").split(":")
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, int(port))):
        return True
    return False


def complete(command, deadline, log, way):
    """Starts the service and takes an order to its end; how long each took."""
    began = time.monotonic()
    up = [*command, "up", "--json", *(f"--{part}=127.0.0.1:0" for part in ("api", "s3", "sqs", "dynamodb"))]
    with log.open("w") as errors:
        service = subprocess.Popen(up, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    stopped = threading.Timer(deadline, os.killpg, (service.pid, signal.SIGKILL))
    stopped.start()
    try:
        line = service.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(up)}: it ended, or was not ready in time: {log.read_text()}")
        started = time.monotonic()
        api = json.loads(line)["api"]
        submit = [*command, "submit", ORDER, "--wait", "--api", api]
        ended = subprocess.run(submit, capture_output=True, text=True, timeout=deadline)
        if ended.returncode != 0 or "\ncompleted " not in ended.stderr:
            raise RuntimeError(f"{' '.join(submit)}: {ended.stdout}{ended.stderr}")
        completed = time.monotonic()
        if not stop(service, way, deadline):
            raise RuntimeError(f"stopped, it ended with {service.returncode}: {log.read_text()}")
        # Until the deadline kills it, and the way has failed.
        while answers(api):
            time.sleep(0.05)
        if not stopped.is_alive():
            raise RuntimeError(f"stopped, it went on: {log.read_text()}")
        return started - began, completed - started
    finally:
        stopped.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()


def attempt(way, url, dist, path):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        os.environ.clear()
        os.environ.update(HOME=folder, PATH=path_without_rust(home / "bin", path))
        began = time.monotonic()
        command = way(home, url, dist)
        installed = time.monotonic() - began
        start, order = complete(command, SECONDS - installed, home / "log", way)
        total = time.monotonic() - began
    print(f"{way.__name__}: installed in {installed:.1f} s, ready in {start:.1f} s, order completed in {order:.1f} s")
    if total > SECONDS:
        sys.exit(f"{way.__name__}: {total:.0f} s in all, more than {SECONDS} s")


def refuse(dist, path):
    """The installer must install nothing that is not what SHA256SUMS says."""
    archive = next(dist.glob("*.tar.gz"))
    archive.write_bytes(archive.read_bytes() + b"more")
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        os.environ.update(HOME=folder, PATH=path_without_rust(home / "bin", path))
        ended = subprocess.run(["sh", dist / "install.sh"], capture_output=True, text=True)
        if ended.returncode == 0 or "SHA256SUMS" not in ended.stderr or (home / ".local").exists():
            sys.exit(f"the installer takes an archive that was changed: {ended.stderr}")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--programs", type=pathlib.Path, default=TARGET_FOLDER / "release")
    args.add_argument("--target", choices=[target for target in TARGETS if "linux" in target], help="what they were built for [default: this machine, glibc]")
    args.add_argument("--way", choices=[way.__name__ for way in WAYS], action="append", help="this one only")
    args = args.parse_args()
    in_tools()
    target = args.target or f"{platform.machine()}-unknown-linux-gnu"
    assert target in TARGETS, target
    musl = target.endswith("musl")
    if not musl:
        # By it the installer finds glibc.
        COMMANDS.append("getconf")
    with tempfile.TemporaryDirectory() as folder:
        dist = pathlib.Path(folder)
        build(args.programs, target, dist)
        check_platform(next(dist.glob("*.whl")), args.programs / "offload")
        check_binstall(target, dist)
        with registry(dist) as url:
            release(dist, url)
            path = os.environ["PATH"]
            for way in WAYS_OF_MUSL if musl else WAYS:
                if not args.way or way.__name__ in args.way:
                    attempt(way, url, dist, path)
            refuse(dist, path)


if __name__ == "__main__":
    main()
