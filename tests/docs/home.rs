//! The folder that a reader works in, and the programs as the page names them.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use offload_tests::program;

/// `offload` as it is typed, on free ports.
const OFFLOAD: &str = r#"#!/usr/bin/env bash
command=${1:-}
shift || true
case "$command" in
  up)
    case " $* " in *" --json "*) ;; *) set -- "$@" --json ;; esac
    set -- --api 127.0.0.1:0 --s3 127.0.0.1:0 --sqs 127.0.0.1:0 --dynamodb 127.0.0.1:0 "$@" ;;
  submit | status | wait | cancel) case " $* " in *" --api "*) ;; *) set -- "$@" --api "$PAGE_API" ;; esac ;;
esac
exec "$PAGE_PROGRAMS/offload" "$command" "$@"
"#;

/// `cargo run` of a program that is built already.
const CARGO: &str = r#"#!/usr/bin/env bash
[ "$1" = run ] || { echo "only cargo run is known here, not cargo $1" >&2; exit 1; }
program=offload
while [ "$1" != -- ]; do [ "$1" = -p ] && program=$2; shift; done
shift
exec "$program" "$@"
"#;

/// What comes before each script: as in a terminal, variables are kept from block to block.
const BEFORE: &str = "set -euo pipefail\nset -a\n[ -f \"$PAGE_STATE\" ] && . \"$PAGE_STATE\"\ncd \"$PAGE_HOME\"\n";
/// What comes after one that ends.
const AFTER: &str = "\nexport -p >\"$PAGE_STATE\"\n";

/// A temporary folder with `home`, where the reader works, and `bin`, which comes first in their
/// path.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir(home.path("home")).unwrap();
        fs::create_dir(home.path("bin")).unwrap();
        for (name, text) in [("offload", OFFLOAD), ("cargo", CARGO)] {
            let path = home.path("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["offload-api", "offload-worker"] {
            symlink(program(name), home.path("bin").join(name)).unwrap();
        }
        home
    }

    /// A file that the reader does not see.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that the reader makes.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.path("home").join(name), text).map_err(|e| format!("{name}: {e}"))
    }

    /// Whether the files that a text names have something in them.
    pub(crate) fn has_the_files_of(&self, text: &str) -> bool {
        let files = fs::read_dir(self.path("home")).unwrap().flatten();
        let mut named = files.filter(|file| text.contains(&*file.file_name().to_string_lossy()));
        named.all(|file| file.metadata().is_ok_and(|m| m.is_dir() || m.len() > 0))
    }

    /// A shell that runs a text and keeps its variables.
    pub(crate) fn shell(&self, text: &str, api: &str) -> Command {
        self.script("bash", "block.sh", &format!("{BEFORE}{text}{AFTER}"), api)
    }

    /// A shell whose last command goes on running.
    pub(crate) fn service(&self, number: usize, text: &str, api: &str) -> Command {
        self.script("bash", &format!("service-{number}.sh"), &format!("{BEFORE}{text}"), api)
    }

    /// An interpreter that runs a text.
    pub(crate) fn script(&self, interpreter: &str, name: &str, text: &str, api: &str) -> Command {
        let script = self.path(name);
        fs::write(&script, text).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(interpreter);
        command.arg(script).current_dir(self.path("home")).stdin(Stdio::null()).process_group(0).env_clear();
        command.env("PATH", path).env("HOME", self.path("home")).env("PAGE_HOME", self.path("home"));
        command.env("PAGE_STATE", self.path("state")).env("PAGE_API", api);
        command.env("PAGE_PROGRAMS", program("offload").parent().unwrap_or(Path::new(".")));
        command
    }
}
