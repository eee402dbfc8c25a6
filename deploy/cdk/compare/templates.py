"""The templates that a deployment by Terraform is compared with: the construct's, and that for
SAM."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import threading

import comparison
from cloudformation import Template
from terraform import Deployment

HERE = pathlib.Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SAM = ROOT / "deploy" / "sam" / "template.json"
# What an operator gives to it, as the set-up `minimal` has it.
PARAMETERS = {"Auth": "keys", "Processor": "demo"}
one_at_a_time = threading.Lock()


@functools.cache
def synthesised():
    """A folder with the template of each set-up of test/setups.ts; None without Node."""
    if not shutil.which("npm"):
        return None
    folder = TARGET / "aws" / "templates"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in (["npm", "ci", "--silent", "--no-audit", "--no-fund"], ["npx", "tsc"], ["node", "build/test/setups.js", folder]):
        subprocess.run(command, cwd=HERE, check=True, stderr=subprocess.DEVNULL)
    return folder


def compared(setup, state):
    """Fails where a deployment differs from the templates of its set-up; else what was compared."""
    with one_at_a_time:
        folder = synthesised()
    if folder is None:
        return "skipped: the CDK is not compared, because npm is not installed"
    made = Deployment(state).resources()
    result = comparison.compare(made, Template(json.loads((folder / f"{setup}.json").read_text())).resources())
    if setup == "minimal":
        comparison.compare(made, Template(json.loads(SAM.read_text()), PARAMETERS).resources())
        return f"CDK and SAM: {result}"
    return f"CDK: {result}"
