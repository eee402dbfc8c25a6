#!/usr/bin/env python3
"""Applies infra/terraform to an account that moto plays, and runs what it made: `just aws`.

Each set-up is applied, planned again (nothing is left to do), changed, driven as clients drive it,
and destroyed (nothing is left). Its functions are the real programs with the environment that
Terraform rendered. Needs `terraform` or `tofu`, and in TF_PLUGIN_MIRROR a folder with the provider
of AWS, as `terraform providers mirror` makes it; without them it says so and does nothing.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How moto is installed, and how one waits for a state.
sys.path.append(str(ROOT / "verify" / "compat"))
# What compares it with the CDK.
sys.path.append(str(ROOT / "deploy" / "cdk" / "compare"))

import packages  # noqa: E402


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("setups", nargs="*", metavar="SETUP", help="set-ups [default: all]")
    args.add_argument("--programs", type=pathlib.Path, default=packages.TARGET / "debug", help="the folder of the programs")
    args = args.parse_args()
    if not (shutil.which("terraform") or shutil.which("tofu")):
        print("skipped: no set-up is applied, because neither terraform nor tofu is installed")
        return 0
    if not os.environ.get("TF_PLUGIN_MIRROR"):
        print("skipped: no set-up is applied, because TF_PLUGIN_MIRROR names no mirror of the providers (CONTRIBUTING.md says how to make one)")
        return 0
    packages.require()
    import comparison
    from setups import SETUPS

    if unknown := set(args.setups) - set(SETUPS):
        print(f"there is no set-up {', '.join(unknown)}; there are {', '.join(SETUPS)}", file=sys.stderr)
        return 2
    chosen = {name: SETUPS[name] for name in args.setups or SETUPS}
    # Terraform waits most of the time: for each thing that it deletes, as long as AWS may take.
    with ThreadPoolExecutor(len(chosen)) as pool:
        failed = sum(pool.map(lambda name: run(name, chosen[name], args.programs), chosen))
    if not failed and len(chosen) == len(SETUPS) and (rows := comparison.outdated()):
        print(f"no difference is as deploy/cdk/README.md lists it: {', '.join(rows)}", file=sys.stderr)
        return 1
    return 1 if failed else 0


def run(name, setup, programs):
    """Goes through the life of a set-up; 1 if something failed."""
    from account import Account

    home = packages.TARGET / "aws" / name
    home.mkdir(parents=True, exist_ok=True)
    account = Account(home)
    begun = time.monotonic()

    def say(text):
        print(f"{name:10} {time.monotonic() - begun:4.0f} s  {text}", flush=True)

    try:
        setup(account, home, programs, say)
        return 0
    except Exception as e:  # noqa: BLE001: the others are gone through
        say(f"FAILED: {type(e).__name__}: {e}")
        traceback.print_exc()
        return 1
    finally:
        account.stop()


if __name__ == "__main__":
    sys.exit(main())
