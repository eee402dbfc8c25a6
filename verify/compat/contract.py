"""The HTTP contract in contract/, by Hurl where it is installed."""

import shutil
import subprocess
import sys

from packages import ROOT


def the_http_contract_holds(system):
    if not shutil.which("hurl"):
        print("skipped the_http_contract_holds: hurl is not installed", flush=True)
        return
    # Moto checks no signatures.
    command = [sys.executable, ROOT / "contract" / "run.py", system.api, "--without", "signature"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-1500:]
