"""Puts the console, on answers that were recorded, into the book: python3 docs/demo.py BOOK."""

import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# A file server knows no paths but those of its files: there routes are in the fragment.
META = '<meta name="offload-routes" content="fragment"><meta name="offload-recording" content="recording.json">'
BASE = '<base href="./">'

dist, demo = ROOT / "console/dist", pathlib.Path(sys.argv[1]) / "demo"
page = (dist / "index.html").read_text()
if page.count(BASE) != 1:
    sys.exit(f"{dist / 'index.html'} has no {BASE}")
shutil.copytree(dist, demo, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.br"))
(demo / "index.html").write_text(page.replace(BASE, BASE + META))
shutil.copy(ROOT / "docs/demo/recording.json", demo)
