#!/usr/bin/env python3
"""Checks a deployment against the HTTP contract: `just contract URL`. Without a URL, `offload up`.

The contract is in the files beside this one, to be read as documentation. Hurl runs them
(<https://hurl.dev>; `cargo install hurl`). They place a few orders and cancel one; nothing else is
changed. With another order schema give an order of it, and one that waits for an hour.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

ORDER = {"kind": "report", "rows": 3}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("url", nargs="?", help="the api, such as https://api.example.com")
    args.add_argument("--key", default="none", help="an API key or a token, where callers are known")
    args.add_argument("--order", default=json.dumps(ORDER), help="an order that completes within half a minute")
    later = {**ORDER, "options": {"delay_seconds": 3600}}
    args.add_argument("--later", default=json.dumps(later), help="an order that has not begun within half a minute")
    args.add_argument("--without", action="append", default=[], metavar="NAME", help="a file that is left out")
    args = args.parse_args()
    hurl = shutil.which("hurl")
    if not hurl:
        sys.exit("hurl is not installed: cargo install --locked hurl, or see https://hurl.dev/docs/installation.html")
    if args.url:
        return check(hurl, args.url, args)
    offload = os.environ.get("OFFLOAD_BIN", "offload")
    anywhere = [part for name in ("api", "s3", "sqs", "dynamodb") for part in (f"--{name}", "127.0.0.1:0")]
    environment = {name: value for name, value in os.environ.items() if name != "OFFLOAD_BIN"}
    up = subprocess.Popen([offload, "up", "--json", "--job-seconds", "0.1", *anywhere], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        return check(hurl, json.loads(up.stdout.readline())["api"], args)
    finally:
        up.terminate()
        up.wait()


def check(hurl, url, args):
    """Runs the files against an api."""
    files = [file for file in sorted(pathlib.Path(__file__).parent.glob("*.hurl")) if file.stem not in args.without]
    values = {"api": url.rstrip("/"), "order": args.order, "later": args.later, "run": uuid.uuid4().hex}
    command = [hurl, "--test", *(part for name in values for part in ("--variable", f"{name}={values[name]}"))]
    # Hurl leaves the value of a secret out of what it prints.
    command += ["--secret", f"key={args.key}"]
    return subprocess.run([*command, *files], check=False).returncode


sys.exit(main())
