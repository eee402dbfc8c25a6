#!/bin/sh
# Installs status-offload @VERSION@: offload, offload-api and offload-worker, into ~/.local/bin.
#
#     curl -fsSL @URL@/install.sh | sh
#
# OFFLOAD_INSTALL_DIR names another folder.
set -eu

url="@URL@"
version="@VERSION@"
to="${OFFLOAD_INSTALL_DIR:-$HOME/.local/bin}"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# All of it is read before any of it runs: a download that breaks off installs nothing.
main() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) target=x86_64-unknown-linux-$(libc) ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-$(libc) ;;
    Darwin-x86_64) target=x86_64-apple-darwin ;;
    Darwin-arm64) target=aarch64-apple-darwin ;;
    *) fail "there is no program for $(uname -s) on $(uname -m)" ;;
  esac
  name="status-offload-$version-$target"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  echo "downloading $name" >&2
  download "$name.tar.gz"
  download SHA256SUMS
  expected=$(awk -v name="$name.tar.gz" '$2 == name { print $1 }' "$folder/SHA256SUMS")
  [ -n "$expected" ] || fail "$url/SHA256SUMS does not name $name.tar.gz"
  [ "$(checksum "$folder/$name.tar.gz")" = "$expected" ] || fail "$name.tar.gz is not what SHA256SUMS says: nothing is installed"
  tar -xzf "$folder/$name.tar.gz" -C "$folder"
  # Tried before anything is replaced.
  "$folder/$name/offload" --version >/dev/null || fail "the program does not run here"
  mkdir -p "$to"
  for program in offload offload-api offload-worker; do
    # A program that runs cannot be written to, but replaced.
    cp "$folder/$name/$program" "$to/.$program.new"
    mv -f "$to/.$program.new" "$to/$program"
  done
  echo "installed $("$to/offload" --version) in $to" >&2
  case ":$PATH:" in
    *":$to:"*) ;;
    *) echo "add it to the path: export PATH=\"$to:\$PATH\"" >&2 ;;
  esac
}

# gnu where glibc is not older than what the programs are built against. The static programs for
# musl run everywhere.
libc() {
  getconf GNU_LIBC_VERSION 2>/dev/null |
    awk '$1 == "glibc" { split($2, part, "."); new = part[1] > 2 || part[2] >= 28 } END { print new ? "gnu" : "musl" }'
}

download() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 3 -o "$folder/$1" "$url/$1" || fail "cannot download $url/$1"
  else
    wget -q -O "$folder/$1" "$url/$1" || fail "cannot download $url/$1; it needs curl or wget"
  fi
}

checksum() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

main
