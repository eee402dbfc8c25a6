"""Programs that are started with the variables of a deployment, as its checks do."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

SECONDS = 30


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def get(url, body=None):
    """The JSON of a GET, or of a POST of a body."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"} if body else {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def until(what, check):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if found := check():
                return found
        time.sleep(0.1)
    sys.exit(f"{what}: not within {SECONDS} s")


def complete(url, order, running):
    """Submits an order and polls it to its end, while the programs run."""
    receipt = get(f"{url}/order", order)
    until("the order ends", lambda: running.all_run() and get(receipt["status_url"])["done"])
    ended = get(receipt["status_url"])
    if ended["status"] != "completed":
        sys.exit(f"the order is not completed: {ended}")


class Programs:
    """Processes, and their logs. They get no variables of this one but the path."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, program, *arguments, **variables):
        with (self.folder / f"{program.name}.log").open("w") as log:
            environment = {"PATH": os.environ["PATH"], **variables}
            process = subprocess.Popen([program, *arguments], env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        self.running.append((program.name, process))
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def all_run(self):
        for name, process in self.running:
            if process.poll() is not None:
                sys.exit(f"{name} has ended with {process.returncode}: {self.log(name)}")
        return True

    def without_complaints(self, *names):
        """No program may warn of a setting that it does not know."""
        for name in names:
            for line in self.log(name).splitlines():
                if "OFFLOAD_" in line:
                    sys.exit(f"{name} complains: {line}")

    def stop(self):
        """Each must end by itself on SIGTERM, as in a container."""
        for name, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            if (code := process.wait(timeout=SECONDS)) != 0:
                sys.exit(f"{name} ended with {code}: {self.log(name)}")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for _, process in self.running:
            process.kill()
            process.wait()
