#!/usr/bin/env python3
"""Does what compose.yaml says without containers: moto of the same version, provision.py, and api
and worker with their variables, to a completed order.

    cargo build --workspace --bins
    python3 deploy/compose/check.py
"""

import argparse
import pathlib
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parents[1] / "verify/compat")]

import packages
from programs import Programs, complete, free_port, get, until

MOTO = "motoserver/moto:" + packages.PACKAGES[0].split("==")[1]


def on_this_machine(environment, ports):
    """The variables of a container, with the addresses of this machine."""
    moved = {}
    for name, value in environment.items():
        for host, port in ports.items():
            value = value.replace(host, f"127.0.0.1:{port}")
        moved[name] = value
    return moved


def main():
    import yaml

    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs = packages.TARGET / "debug"
    args.add_argument("--programs", type=pathlib.Path, default=programs, help="folder of the programs")
    args = args.parse_args()
    services = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]
    if images := {service["image"] for service in services.values() if "image" in service} - {MOTO}:
        sys.exit(f"compose.yaml has images that nobody tests: {images}")
    ports = {"moto:5000": free_port(), "api:9090": free_port(), "0.0.0.0:9090": None, "127.0.0.1:5000": None, "127.0.0.1:8080": free_port()}
    ports["0.0.0.0:9090"], ports["127.0.0.1:5000"] = ports["api:9090"], ports["moto:5000"]
    environment = {name: on_this_machine(service.get("environment", {}), ports) for name, service in services.items()}
    url = f"http://127.0.0.1:{ports['127.0.0.1:8080']}"
    with tempfile.TemporaryDirectory() as folder, Programs(pathlib.Path(folder)) as running:
        python = pathlib.Path(sys.executable)
        running.start(python.parent / "moto_server", "-H", "127.0.0.1", "-p", str(ports["moto:5000"]))
        until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", ports["moto:5000"])))
        subprocess.run([python, HERE / "provision.py"], env=environment["provision"], check=True)
        # What the image of the api sets.
        listen = {"OFFLOAD_LISTEN": f"127.0.0.1:{ports['127.0.0.1:8080']}"}
        running.start(args.programs / "offload-api", **environment["api"], **listen)
        running.start(args.programs / "offload-worker", **environment["worker"])
        until("the api is ready", lambda: running.all_run() and get(f"{url}/readyz"))
        complete(url, b'{"kind":"report","rows":1,"delay_ms":100}', running)
        running.without_complaints("offload-api", "offload-worker")
    print("api and worker started with the variables of compose.yaml, and an order was completed")


packages.require()
main()
