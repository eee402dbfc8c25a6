#!/usr/bin/env python3
"""Adds to the packages of all platforms what a release has once: the npm package `offload`, the
installer, the formula of Homebrew, and SHA256SUMS.

    python3 packaging/release.py --url https://…/releases/download/v0.1.0 dist

The URL is that of the folder from which the archives will be downloaded.
"""

import argparse
import hashlib
import json
import pathlib

from build import HERE, LICENSES, ROOT, TARGETS, archive_name, npm_name, pack, version


def targets(dist):
    """Those that have an archive."""
    return [target for target in TARGETS if (dist / f"{archive_name(target)}.tar.gz").exists()]


def npm(dist):
    package = json.loads((HERE / "npm/package.json").read_text())
    package["version"] = version()
    package["optionalDependencies"] = {npm_name(target): version() for target in targets(dist)}
    files = [("package.json", json.dumps(package, indent=2).encode()), ("offload.js", HERE / "npm/offload.js")]
    files += [("README.md", HERE / "npm/README.md")] + [(name, ROOT / name) for name in LICENSES]
    pack("package", files, dist / f"offload-{version()}.tgz")


def fill(template, to, values):
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    to.write_text(text)


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def formula(dist, url):
    """Homebrew's: a block for each platform."""
    blocks = []
    # Homebrew has a glibc of its own.
    for target in [target for target in targets(dist) if not target.endswith("musl")]:
        system, processor, _ = TARGETS[target]
        name = f"{archive_name(target)}.tar.gz"
        on_system = {"linux": "on_linux", "darwin": "on_macos"}[system]
        on_processor = {"x64": "on_intel", "arm64": "on_arm"}[processor]
        blocks += [
            f"  {on_system} do",
            f"    {on_processor} do",
            f'      url "{url}/{name}"',
            f'      sha256 "{checksum(dist / name)}"',
            "    end",
            "  end",
        ]
    fill(HERE / "homebrew.rb", dist / "offload.rb", {"VERSION": version(), "URL": url, "PLATFORMS": "\n".join(blocks)})


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--url", required=True, help="folder from which the archives will be downloaded")
    args.add_argument("dist", type=pathlib.Path, help="folder of the packages")
    args = args.parse_args()
    release(args.dist.resolve(), args.url)


def release(dist, url):
    npm(dist)
    formula(dist, url)
    fill(HERE / "install.sh", dist / "install.sh", {"VERSION": version(), "URL": url})
    files = sorted(path for path in dist.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    (dist / "SHA256SUMS").write_text("".join(f"{checksum(path)}  {path.name}\n" for path in files))


if __name__ == "__main__":
    main()
