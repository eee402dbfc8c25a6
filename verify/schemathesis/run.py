#!/usr/bin/env python3
"""Tests the OpenAPI document against the service that serves it, by Schemathesis (PyPI), which this
program installs into a folder of its own: `just schemathesis`.

Requests are made from the document alone: what it calls valid must be taken, what it calls invalid
must be refused, and every answer must be one that it describes. It runs against `offload up` with
callers, so that every route is there. What is left out is in schemathesis.toml, each with its
reason.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = TARGET / "schemathesis"
PACKAGE = "schemathesis==4.32.5"
ANYWHERE = [part for name in ("api", "s3", "sqs", "dynamodb") for part in (f"--{name}", "127.0.0.1:0")]


def installed():
    """The program of the package."""
    stamp = HOME / ".installed"
    if not stamp.exists() or stamp.read_text() != PACKAGE:
        venv.create(HOME / "python", with_pip=True, clear=True)
        subprocess.run([HOME / "python" / "bin" / "python", "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        stamp.write_text(PACKAGE)
    return HOME / "python" / "bin" / "schemathesis"


def key_of(offload, ready, environment):
    """An API key that may do everything."""
    environment = {
        **environment,
        "AWS_ACCESS_KEY_ID": ready["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"],
        "AWS_REGION": ready["region"],
        "AWS_ENDPOINT_URL_S3": ready["s3"],
        "AWS_ENDPOINT_URL_SQS": ready["sqs"],
        "AWS_ENDPOINT_URL_DYNAMODB": ready["dynamodb"],
        "OFFLOAD_BUCKET": ready["bucket"],
        "OFFLOAD_TABLE": ready["table"],
        "OFFLOAD_QUEUE_URL": ready["queue_url"],
    }
    command = [offload, "keys", "create", "--name", "schemathesis", "--roles", "submit,view,operate,admin", "--json"]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(made.stdout)["key"]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    offload = pathlib.Path(os.environ.get("OFFLOAD_BIN", TARGET / "debug" / "offload"))
    args.add_argument("--offload", type=pathlib.Path, default=offload, help="the program")
    args.add_argument("--examples", type=int, default=60, help="requests that are made up for each route")
    args.add_argument("--seconds", type=int, default=60, help="the longest that it may take")
    args = args.parse_args()
    schemathesis = installed()
    environment = {"PATH": os.environ["PATH"], "OFFLOAD_AUTH": "keys", "OFFLOAD_LOG": "warn"}
    # The rate of one caller is limited, and this is one that makes thousands of requests.
    environment |= {f"OFFLOAD_MAX_REQUESTS_PER_SECOND{of}": "100000" for of in ("", "_OF_TENANT")}
    command = [args.offload, "up", "--json", "--job-seconds", "0.1", *ANYWHERE]
    up = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(up.stdout.readline())
        config = pathlib.Path(__file__).with_name("schemathesis.toml")
        command = [schemathesis, "--config-file", config, "run", f"{ready['api']}/openapi.json"]
        command += ["--max-examples", str(args.examples), "--max-time", str(args.seconds)]
        command += ["--header", f"Authorization: Bearer {key_of(args.offload, ready, environment)}"]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(config.with_name("hooks.py"))}
        # It keeps its examples where it runs.
        return subprocess.run(command, cwd=HOME, env=environment, check=False).returncode
    finally:
        up.terminate()
        up.wait()


sys.exit(main())
