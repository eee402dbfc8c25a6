#!/usr/bin/env python3
"""Checks a deployment against the HTTP contract: `just contract URL`.

The contract is in the files beside this one, to be read as documentation. Hurl runs them
(<https://hurl.dev>; `cargo install hurl`). They place a few orders and cancel one; nothing else is
changed. With another order schema give an order of it, and one that waits for an hour.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import uuid

ORDER = {"kind": "report", "rows": 3}


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("url", help="the api, such as https://api.example.com")
    args.add_argument("--key", default="none", help="an API key or a token, where callers are known")
    args.add_argument("--order", default=json.dumps(ORDER), help="an order that completes within half a minute")
    later = {**ORDER, "options": {"delay_seconds": 3600}}
    args.add_argument("--later", default=json.dumps(later), help="an order that has not begun within half a minute")
    args = args.parse_args()
    hurl = shutil.which("hurl")
    if not hurl:
        sys.exit("hurl is not installed: cargo install --locked hurl, or see https://hurl.dev/docs/installation.html")
    files = sorted(pathlib.Path(__file__).parent.glob("*.hurl"))
    values = {"api": args.url.rstrip("/"), "order": args.order, "later": args.later, "run": uuid.uuid4().hex}
    command = [hurl, "--test", *(part for name in values for part in ("--variable", f"{name}={values[name]}"))]
    # Hurl leaves the value of a secret out of what it prints.
    command += ["--secret", f"key={args.key}"]
    return subprocess.run([*command, *files], check=False).returncode


sys.exit(main())
