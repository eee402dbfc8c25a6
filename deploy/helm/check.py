#!/usr/bin/env python3
"""Checks the chart: `helm lint` and the schema of its values, what is rendered against the schemas
of Kubernetes and KEDA, and the programs, started with the rendered variables on the stores of
`offload up`, to a completed order.

    cargo build --workspace --bins
    python3 deploy/helm/check.py

Helm must be on the path. Without it one line says that nothing was checked.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from programs import Programs, complete, free_port, get, until

CHART = HERE / "status-offload"
# Its values are those of a reader.
GUIDE = HERE.parents[1] / "docs/how-to/kubernetes.md"
TARGET_FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"))
TOOLS = TARGET_FOLDER / "helm"
WANTED = "kubernetes-validate==1.37.0"
# The chart's kubeVersion, and the newest that there is a schema for.
KUBERNETES = ["1.30", "1.37"]
SECRETS = {
    "token-secret": "0123456789abcdef0123456789abcdef",
    "internal-secret": "fedcba9876543210fedcba9876543210",
    "webhook-secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "mercure-jwt": "header.claims.signature",
}
# Values that the schema must refuse.
WRONG = ["bucket=", "worker.minReplicas=0", "auth=nobody", "worker.settings.COMMAND=x", "apis.replicas=2", "secret.keys={}"]


def in_tools():
    """Runs this in a Python that has the schemas of Kubernetes."""
    stamp = TOOLS / ".complete"
    if not stamp.exists() or stamp.read_text() != WANTED:
        venv.create(TOOLS, with_pip=True, clear=True)
        subprocess.run([TOOLS / "bin/pip", "install", "--quiet", WANTED], check=True)
        stamp.write_text(WANTED)
    if pathlib.Path(sys.prefix) != TOOLS:
        os.execv(TOOLS / "bin/python", [str(TOOLS / "bin/python"), *sys.argv])


def helm(*arguments):
    # Without it, a helm that `go install` has built is for Kubernetes 1.20.
    version = ["--kube-version", KUBERNETES[0]]
    return subprocess.run(["helm", *arguments, *version], capture_output=True, text=True)


def render(values, *more):
    import yaml

    done = helm("template", "shop", CHART, "--namespace", "orders", "--values", values, *more)
    if done.returncode != 0:
        sys.exit(f"{values.name}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def lint(values):
    done = helm("lint", "--strict", CHART, "--values", values)
    if done.returncode != 0:
        sys.exit(f"{values.name}: {done.stdout}{done.stderr}")


def refuse(values):
    """What is wrong must be refused before it reaches a cluster."""
    for wrong in WRONG:
        if helm("template", "shop", CHART, "--values", values, "--set", wrong).returncode == 0:
            sys.exit(f"the schema of the values takes {wrong}")


def validate(documents, name):
    import kubernetes_validate

    counted = 0
    for document in documents:
        # KEDA's kinds are not Kubernetes's own.
        if document["apiVersion"].startswith("keda.sh/"):
            continue
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as e:
                sys.exit(f"{name}: {document['kind']} {document['metadata']['name']}: {'.'.join(map(str, e.path))}: {e.message}")
        counted += 1
    print(f"{name}: {counted} resources are as Kubernetes {' and '.join(KUBERNETES)} has them")


def separate(documents, name):
    """A worker must not have the secret that signs order tokens."""
    worker = deployment(documents, "worker")["spec"]["template"]["spec"]
    for volume in worker["volumes"]:
        keys = [item["key"] for item in volume.get("secret", {}).get("items") or []]
        if "secret" in volume and (not keys or "token-secret" in keys):
            sys.exit(f"{name}: the worker gets the token secret")


# --- The programs, as the pods start them ---------------------------------------------------------


def deployment(documents, part):
    return next(d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"].endswith(part))


def environment(documents, part, folder):
    """The variables of a pod, with the addresses and files of this machine in place of its own."""
    found = {"POD_IP": "127.0.0.1"}
    for variable in deployment(documents, part)["spec"]["template"]["spec"]["containers"][0]["env"]:
        if "value" in variable:
            value = variable["value"].replace("$(POD_IP)", found["POD_IP"]).replace("/secrets/", f"{folder}/")
            found[variable["name"]] = value
    return found


def start(values, programs):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, secret in SECRETS.items():
            (folder / name).write_text(secret)
        with Programs(folder) as running:
            start_on(values, folder, running, programs)
            running.stop()


def start_on(values, folder, running, programs):
    anywhere = [f"--{part}=127.0.0.1:0" for part in ("api", "s3", "sqs", "dynamodb")]
    up = running.start(programs / "offload", "up", "--json", "--workers=1", *anywhere, OFFLOAD_SHUTDOWN_GRACE_SECONDS="1")
    stores = json.loads(up.stdout.readline())
    # Its only worker is kept busy, so that the other one gets the next order.
    busy = get(f"{stores['api']}/order", b'{"kind":"report","rows":1,"delay_ms":60000}')["status_url"]
    until("the worker of the stack is busy", lambda: get(busy)["status"] == "processing")
    queue = stores["queue_url"]
    values_of_stores = {
        "region": stores["region"],
        "bucket": stores["bucket"],
        "table": stores["table"],
        "auth": "none",
        "queues.orders": queue,
        "queues.deadLetters": stores["dead_letter_queue_url"],
        "queues.notifications": f"{queue}-notifications",
        "queues.notificationsDeadLetters": f"{queue}-notifications-dead",
        **{f"env.AWS_ENDPOINT_URL_{name.upper()}": stores[name] for name in ("s3", "sqs", "dynamodb")},
        "env.AWS_ACCESS_KEY_ID": stores["access_key_id"],
        "env.AWS_SECRET_ACCESS_KEY": stores["secret_access_key"],
    }
    documents = render(values, *(f"--set-string={name}={value}" for name, value in values_of_stores.items()))
    api, worker = environment(documents, "api", folder), environment(documents, "worker", folder)
    ports = {name: free_port() for name in ("8080", "8081", "9090")}
    for name in ("OFFLOAD_LISTEN", "OFFLOAD_ADMIN_LISTEN", "OFFLOAD_INTERNAL_LISTEN", "OFFLOAD_INTERNAL_URL"):
        if name in api:
            host, port = api[name].rsplit(":", 1)
            api[name] = f"{host.replace('0.0.0.0', '127.0.0.1')}:{ports[port]}"
    worker["OFFLOAD_WORKER_ADMIN_LISTEN"] = f"127.0.0.1:{free_port()}"
    running.start(programs / "offload-api", **api)
    running.start(programs / "offload-worker", **worker)
    until("the api is ready", lambda: running.all_run() and get(f"http://127.0.0.1:{ports['8081']}/readyz"))
    complete(f"http://127.0.0.1:{ports['8080']}", b'{"kind":"report","rows":1}', running)
    running.without_complaints("offload-api", "offload-worker")
    print(f"{values.name}: api and worker started with {len(api)} and {len(worker)} variables, and an order was completed")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--programs", type=pathlib.Path, default=TARGET_FOLDER / "debug", help="folder of the programs")
    args = args.parse_args()
    if not shutil.which("helm"):
        print("skipped: the chart, because helm is not installed: go install helm.sh/helm/v3/cmd/helm@v3.22.0")
        return
    in_tools()
    with tempfile.TemporaryDirectory() as folder:
        documented = pathlib.Path(folder) / GUIDE.name
        documented.write_text(re.search(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1])
        lint(documented)
        validate(render(documented), documented.name)
    for values in sorted((CHART / "ci").glob("*-values.yaml")):
        lint(values)
        documents = render(values)
        validate(documents, values.name)
        separate(documents, values.name)
        start(values, args.programs)
    refuse(CHART / "ci/least-values.yaml")


main()
