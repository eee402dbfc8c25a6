//! A reader who types what a page says, block by block, in a folder of their own.
//!
//! The programs are the ones of this build, and their ports are free ones: a program of the name `offload` or `cargo` comes
//! first in the reader's path and passes on what is typed, and addresses in the text are replaced.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use offload_tests::program;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use super::page::{Block, Language, Page, Role};

/// The longest that a block may take, and that a service may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// What stands for the address of a service that serves nobody.
const NO_PORT: &str = "no port";
const BEAT: Duration = Duration::from_millis(20);

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

/// Where a stack that runs is reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses(Vec<(&'static str, String)>);

impl Addresses {
    /// From the line that `offload up --json` prints; the text has the defaults in their place.
    fn of(ready: &Value) -> Self {
        let defaults = [
            ("127.0.0.1:8080", "api"),
            ("127.0.0.1:9000", "s3"),
            ("127.0.0.1:9324", "sqs"),
            ("127.0.0.1:8000", "dynamodb"),
        ];
        let address = |name| ready[name].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
        Self(defaults.map(|(default, name)| (default, address(name))).to_vec())
    }

    pub(crate) fn api(&self) -> String {
        format!("http://{}", self.0[0].1)
    }
}

/// A stack of its own for the pages that start none.
pub(crate) struct SharedStack {
    reader: Reader,
    pub(crate) addresses: Addresses,
}

impl SharedStack {
    pub(crate) fn start() -> Self {
        let mut reader = Reader::new(&Addresses(vec![("", String::new())]));
        reader.start("offload up --workers 30\n", None).unwrap_or_else(|e| panic!("{e}"));
        Self { addresses: reader.addresses.clone(), reader }
    }

    pub(crate) fn stop(self) {
        drop(self.reader);
    }
}

/// Types a page.
///
/// # Errors
/// Where the page promised too much, and what happened.
pub(crate) fn read(page: &Page, shared: &Addresses) -> Result<(), String> {
    let mut reader = Reader::new(shared);
    let own = page.blocks.iter().filter_map(|block| match &block.role {
        Role::Service(own) => own.as_deref(),
        _ => None,
    });
    own.filter(|own| *own != NO_PORT).for_each(|address| reader.give_free_port(address));
    for block in &page.blocks {
        reader.block(block).map_err(|e| format!("{}:{}: {e}", page.path.display(), block.line))?;
    }
    Ok(())
}

struct Reader {
    /// `home` is where they work; the rest is this test's own.
    folder: tempfile::TempDir,
    addresses: Addresses,
    /// Addresses of the reader's own servers, as the page has them and as they are.
    own: Vec<(String, String)>,
    services: Vec<Service>,
    printed: String,
}

struct Service {
    child: Child,
    output: PathBuf,
    is_own: bool,
}

impl Reader {
    fn new(shared: &Addresses) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "bin"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for (name, text) in [("offload", OFFLOAD), ("cargo", CARGO)] {
            let path = folder.path().join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["offload-api", "offload-worker"] {
            std::os::unix::fs::symlink(program(name), folder.path().join("bin").join(name)).unwrap();
        }
        let (services, own, printed) = (Vec::new(), Vec::new(), String::new());
        Self { folder, addresses: shared.clone(), own, services, printed }
    }

    fn block(&mut self, block: &Block) -> Result<(), String> {
        let text = self.on_free_ports(&block.text);
        match &block.role {
            Role::Run(language) => self.run(*language, &text),
            Role::File(name) => fs::write(self.folder.path().join("home").join(name), text).map_err(|e| e.to_string()),
            Role::Service(address) => self.start(&block.text, address.as_deref()),
            Role::Output => fits(&block.text, &self.as_on_the_page(&self.printed)),
            Role::ServiceOutput => self.service_output(&block.text),
            Role::NotRun | Role::Illustration => Ok(()),
        }
    }

    fn run(&mut self, language: Language, text: &str) -> Result<(), String> {
        let mut command = match language {
            Language::Shell => self.shell("block.sh", &format!("{text}\nexport -p >\"$PAGE_STATE\"\n")),
            Language::Python => self.script("python3", "block.py", text),
            Language::JavaScript => self.script("node", "block.mjs", text),
        };
        let (out, err) = (self.folder.path().join("out"), self.folder.path().join("err"));
        let mut child = spawn(&mut command, File::create(&out), File::create(&err))?;
        let status = until(|| child.try_wait().ok().flatten());
        let said = |path| fs::read_to_string(path).unwrap_or_default();
        self.printed = said(&out);
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("{status}\n{}{}", self.printed, said(&err))),
            None => {
                end(&mut child);
                Err(format!("not over after {PATIENCE:?}\n{}{}", self.printed, said(&err)))
            }
        }
    }

    /// Starts what goes on running, and waits until it is ready.
    fn start(&mut self, text: &str, own: Option<&str>) -> Result<(), String> {
        let (text, own) = (self.on_free_ports(text), own.map(|address| self.on_free_ports(address)));
        let output = self.folder.path().join(format!("service-{}", self.services.len()));
        let mut command = self.shell(&format!("service-{}.sh", self.services.len()), &text);
        let out = File::create(&output);
        let err = out.as_ref().map_err(|e| e.to_string())?.try_clone();
        let child =
            spawn(&mut command, out, if own.is_some() { err } else { File::create(output.with_extension("err")) })?;
        self.services.push(Service { child, output: output.clone(), is_own: own.is_some() });
        let ready = match &own {
            Some(none) if none == NO_PORT => Some(()),
            Some(address) => {
                let address: SocketAddr = address.parse().map_err(|_| "not an address")?;
                until(|| TcpStream::connect(address).ok()).map(|_| ())
            }
            None => until(|| serde_json::from_str(fs::read_to_string(&output).ok()?.lines().next()?).ok())
                // `tee` writes its file after its output.
                .filter(|_| until(|| self.files_of(&text).then_some(())).is_some())
                .map(|line| self.addresses = Addresses::of(&line)),
        };
        let said = || fs::read_to_string(output.with_extension("err")).or_else(|_| fs::read_to_string(&output));
        ready.ok_or_else(|| format!("not ready after {PATIENCE:?}\n{}", said().unwrap_or_default()))
    }

    /// Whether the files that a text names have something in them.
    fn files_of(&self, text: &str) -> bool {
        let files = fs::read_dir(self.folder.path().join("home")).unwrap().flatten();
        let mut named = files.filter(|file| text.contains(&*file.file_name().to_string_lossy()));
        named.all(|file| file.metadata().is_ok_and(|m| m.is_dir() || m.len() > 0))
    }

    fn service_output(&self, expected: &str) -> Result<(), String> {
        let service = self.services.iter().rev().find(|s| s.is_own).ok_or("there is no server of the reader's own")?;
        let printed = || self.as_on_the_page(&fs::read_to_string(&service.output).unwrap_or_default());
        until(|| fits(expected, &printed()).ok()).ok_or(()).or_else(|()| fits(expected, &printed()))
    }

    /// A server of the reader's own listens on a free port, however the page writes its address.
    fn give_free_port(&mut self, address: &str) {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let tuple = |address: &str| address.rsplit_once(':').map(|(host, port)| format!("(\"{host}\", {port})"));
        self.own.extend(tuple(address).zip(tuple(&free.to_string())));
        self.own.push((address.to_owned(), free.to_string()));
    }

    /// What a page's blocks share is the folder and, as in a terminal, the variables.
    fn shell(&self, name: &str, text: &str) -> Command {
        let before = "set -a\n[ -f \"$PAGE_STATE\" ] && . \"$PAGE_STATE\"\ncd \"$PAGE_HOME\"\n";
        self.script("bash", name, &format!("set -euo pipefail\n{before}{text}"))
    }

    fn script(&self, program: &str, name: &str, text: &str) -> Command {
        let folder = self.folder.path();
        let script = folder.join(name);
        fs::write(&script, text).unwrap();
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.arg(script).current_dir(folder.join("home")).stdin(Stdio::null()).process_group(0);
        command.env_clear().env("PATH", path).env("HOME", folder.join("home")).env("PAGE_HOME", folder.join("home"));
        command.env("PAGE_STATE", folder.join("state")).env("PAGE_API", self.addresses.api());
        command.env("PAGE_PROGRAMS", self::program("offload").parent().unwrap());
        command
    }

    fn on_free_ports(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in self.replaced() {
            text = text.replace(from, to);
        }
        text
    }

    fn as_on_the_page(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in self.replaced() {
            text = text.replace(to, from);
        }
        text
    }

    fn replaced(&self) -> impl Iterator<Item = (&str, &str)> {
        let stack = self.addresses.0.iter().map(|(from, to)| (*from, to.as_str()));
        stack.chain(self.own.iter().map(|(from, to)| (from.as_str(), to.as_str()))).filter(|(from, _)| !from.is_empty())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.services.iter_mut().rev().for_each(|service| end(&mut service.child));
    }
}

fn spawn(command: &mut Command, out: std::io::Result<File>, err: std::io::Result<File>) -> Result<Child, String> {
    let text = |e: std::io::Error| e.to_string();
    command.stdout(out.map_err(text)?).stderr(err.map_err(text)?).spawn().map_err(text)
}

/// Ends a process and all that it started: gently first, since a worker ends the programs that it runs.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(group) = group {
            let _ = kill_process_group(group, signal);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            sleep(BEAT);
        }
    }
}

fn until<T>(mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match check() {
            None if Instant::now() < deadline => sleep(BEAT),
            found => return found,
        }
    }
}

/// Whether a text is as expected, where `…` stands for any text.
///
/// # Errors
/// The first part that is missing.
fn fits(expected: &str, text: &str) -> Result<(), String> {
    let (expected, text) = (expected.trim_end(), text.trim_end());
    let missing = |part: &str| format!("{part:?} is missing in what it prints:\n{text}");
    let parts: Vec<&str> = expected.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return if text == expected { Ok(()) } else { Err(missing(expected)) };
    };
    let mut rest = text.strip_prefix(first).ok_or_else(|| missing(first))?;
    for part in middle {
        let at = rest.find(part).ok_or_else(|| missing(part))?;
        rest = &rest[at + part.len()..];
    }
    if rest.ends_with(last) { Ok(()) } else { Err(missing(last)) }
}

#[test]
fn an_output_fits_whatever_its_open_parts_are() {
    for (expected, text) in
        [("304\n", "304\n"), ("{\"id\":\"…\",…}", "{\"id\":\"x\",\"a\":1}"), ("a…", "abc"), ("…", "")]
    {
        assert_eq!(fits(expected, text), Ok(()), "{expected}");
    }
    for (expected, text) in [("304", "304 Not Modified"), ("a…c", "abd"), ("a", "ba"), ("a…b…", "bba")] {
        assert!(fits(expected, text).is_err(), "{expected}");
    }
}
