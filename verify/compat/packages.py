"""The packages of PyPI and npm, installed into folders of their own under target/compat."""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = TARGET / "compat"
PACKAGES = ["moto[server]==5.2.5", "boto3==1.44.8", "cbor2==6.3.0", "opentelemetry-proto==1.45.2", "parliament==1.6.4", "standardwebhooks==1.1.0"]
NODE_PACKAGE = "standardwebhooks@1.1.1"


def require():
    """Returns if the packages can be imported; otherwise installs them and starts this program
    again."""
    try:
        import opentelemetry.proto  # noqa: F401
        import parliament  # noqa: F401
        import standardwebhooks  # noqa: F401
    except ImportError:
        python = HOME / "python" / "bin" / "python"
        stamp = HOME / ".installed"
        if not stamp.exists() or stamp.read_text() != str(PACKAGES):
            venv.create(HOME / "python", with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
            stamp.write_text(str(PACKAGES))
        os.execv(python, [python, *sys.argv])


def run_node(script, text):
    """Runs a script that may require the package of npm; `None` where node is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    home = HOME / "node" / NODE_PACKAGE
    if not (home / "node_modules" / "standardwebhooks").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", home, NODE_PACKAGE], check=True)
    return subprocess.run(["node", "-e", script], cwd=home, input=text, capture_output=True, text=True, check=False)
