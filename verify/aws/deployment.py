"""A deployment: an example of infra/terraform, applied to an account that moto plays."""

import json
import os
import platform
import shutil
import subprocess
import time
import zipfile

from account import REGION
from packages import ROOT, TARGET

# Written beside the example: the provider's settings are those of no real account.
PROVIDER = f"""
provider "aws" {{
  region                      = "{REGION}"
  access_key                  = "testing"
  secret_key                  = "testing"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  max_retries                 = 5
}}
"""

PACKAGES = ("offload-api", "offload-worker")


class Failed(AssertionError):
    pass


class Deployment:
    """`module` is what the example's module is given beside its own values, in HCL."""

    def __init__(self, example, account, home, module="", variables=None):
        self.account, self.home = account, home
        copy = home / "checkout"
        shutil.rmtree(copy, ignore_errors=True)
        ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")
        shutil.copytree(ROOT / "infra" / "terraform", copy / "infra" / "terraform", ignore=ignored)
        self.folder = copy / "infra" / "terraform" / "examples" / example
        (self.folder / "provider_override.tf").write_text(PROVIDER)
        # What the example does not pass on.
        (self.folder / "canary.tf").write_text('output "canary" {\n  value = module.offload.canary\n}\n')
        self.module = module
        self.packages = copy / "target" / "package"
        place_packages(self.packages)
        configuration = home / "terraform.rc"
        mirror = os.environ["TF_PLUGIN_MIRROR"]
        configuration.write_text(f'disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
        self.environment = {
            **os.environ, "TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1",
            "AWS_ENDPOINT_URL": "http://aws.test", "HTTP_PROXY": account.translator.url, "AWS_EC2_METADATA_DISABLED": "true",
            **{f"TF_VAR_{name}": value for name, value in (variables or {}).items()},
        }  # fmt: skip

    def terraform(self, *arguments, module=None, good=(0,)):
        """Runs a command; its status and what it printed."""
        given = self.module if module is None else self.module + module
        (self.folder / "given_override.tf").write_text(f'module "offload" {{\n  source = "../.."\n{given}\n}}\n')
        program = shutil.which("terraform") or shutil.which("tofu")
        command = [program, *arguments, "-no-color"]
        ran = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        if ran.returncode not in good:
            raise Failed(f"terraform {arguments[0]} ended with {ran.returncode}: {errors_of(ran)}")
        return ran.returncode, ran.stdout + ran.stderr

    def init(self):
        self.terraform("init", "-input=false", "-backend=false")

    def apply(self, module=""):
        """Applies; how many resources there are then, and the seconds that it took."""
        begun = time.monotonic()
        self.terraform("apply", "-auto-approve", "-input=false", "-parallelism=30", module=module)
        return len(self.resources()), time.monotonic() - begun

    def changes(self, module=""):
        """What an apply would do: by address the actions, and the attributes that differ."""
        plan = self.home / "plan"
        self.terraform("plan", "-input=false", "-parallelism=30", f"-out={plan}", module=module)
        _, text = self.terraform("show", "-json", str(plan), module=module)
        changes = json.loads(text[text.index("{") :])["resource_changes"]
        changes = {c["address"]: c["change"] for c in changes if c["change"]["actions"] not in (["no-op"], ["read"])}
        return {address: (change["actions"], differences(change)) for address, change in changes.items()}

    def refusal(self, module):
        """The one error that a plan ends with."""
        status, text = self.terraform("plan", "-input=false", module=module, good=(0, 1))
        errors = text.split("Error: ")[1:]
        if status == 0 or len(errors) != 1:
            raise Failed(f"{module.strip()} is refused with {len(errors)} errors: {errors}")
        return " ".join(errors[0].split())

    def destroy(self, module=""):
        begun = time.monotonic()
        self.terraform("destroy", "-auto-approve", "-input=false", "-parallelism=30", module=module)
        return time.monotonic() - begun

    def programs(self, built):
        """The programs that its packages hold, if this machine can run them; else those of a
        folder."""
        return unpack(self.packages, built, self.home)

    def texts(self):
        """All that Terraform leaves: its state, the one before, and the last plan."""
        _, plan = self.terraform("show", "-json", str(self.home / "plan"))
        return [plan, *(file.read_text() for file in self.folder.glob("terraform.tfstate*"))]

    def output(self, name):
        return self.state()["outputs"][name]["value"]

    def state(self):
        return json.loads((self.folder / "terraform.tfstate").read_text())

    def resources(self):
        return [i for r in self.state()["resources"] if r["mode"] == "managed" for i in r["instances"]]

    def of_type(self, kind):
        """The attributes of the resources of a type."""
        resources = [r for r in self.state()["resources"] if r["mode"] == "managed" and r["type"] == kind]
        return [i["attributes"] for r in resources for i in r["instances"]]

    def environments(self):
        """What Terraform gives to each function and container, by its name."""
        functions = {f["function_name"]: f["environment"][0]["variables"] for f in self.of_type("aws_lambda_function")}
        for task in self.of_type("aws_ecs_task_definition"):
            for container in json.loads(task["container_definitions"]):
                functions[f"container {task['family']}"] = {v["name"]: v["value"] for v in container["environment"]}
        return functions


def differences(change):
    before, after = change["before"] or {}, change["after"] or {}
    return {name: (before.get(name), after.get(name)) for name in {*before, *after} if before.get(name) != after.get(name)}


def place_packages(folder):
    """The packages that `just package` made; where it did not run, empty ones, which moto takes
    too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        made = TARGET / "package" / f"{name}.zip"
        if made.exists():
            shutil.copy(made, folder)
            continue
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("bootstrap", "#!/bin/sh\n")


def unpack(packages, built, into):
    """The programs of the packages, by their names; those of a folder instead, where the packages
    are for another processor or are empty."""
    machine = {"x86_64": 62, "aarch64": 183}.get(platform.machine())
    programs = {}
    for name in PACKAGES:
        with zipfile.ZipFile(packages / f"{name}.zip") as archive:
            bootstrap = archive.read("bootstrap")
        # The processor in the head of an ELF file: e_machine in elf(5).
        if bootstrap[:4] == b"\x7fELF" and int.from_bytes(bootstrap[18:20], "little") == machine:
            programs[name] = into / name
            programs[name].write_bytes(bootstrap)
            programs[name].chmod(0o755)
        else:
            programs[name] = built / name
    return programs


def errors_of(ran):
    lines = (ran.stdout + ran.stderr).splitlines()
    at = [n for n, line in enumerate(lines) if "Error: " in line][:4]
    return "\n".join(line for n in at for line in lines[n : n + 12]) or "\n".join(lines[-20:])
