//! What a team would write instead: `bench/peers`. What they need is installed under the target
//! folder.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use super::running::Program;
use crate::stub::Stub;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
const NODE_FILES: [&str; 7] =
    ["package.json", "package-lock.json", "orders.js", "accept.js", "api.js", "function.js", "worker.js"];

/// The peers that this machine can run.
pub(super) struct Peers {
    pub(super) apis: Vec<Program>,
    pub(super) workers: Vec<Program>,
    /// The api as a function of Lambda.
    pub(super) functions: Vec<Program>,
}

impl Peers {
    /// The floor alone, for which nothing is installed.
    pub(super) fn floor(stub: &Stub) -> Self {
        Self {
            apis: vec![peer("floor", beside_this("bench-floor"), &[], stub)],
            workers: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// Installs all of them. One whose tools are missing is left out.
    pub(super) fn install(stub: &Stub) -> anyhow::Result<Self> {
        let mut peers = Self::scripts(stub)?;
        if let Some(path) = installed("axum-sdk", rust_sdk(&target()?))? {
            peers.apis.push(peer("axum-sdk", path, &[], stub));
        }
        Ok(peers)
    }

    /// Installs those that are compiled as they run.
    pub(super) fn scripts(stub: &Stub) -> anyhow::Result<Self> {
        let (mut peers, target) = (Self::floor(stub), target()?);
        if let Some(folder) = installed("fastify", node(&target))? {
            let script = |name: &str| folder.join(name).display().to_string();
            peers.apis.push(peer("fastify", "node".into(), &[&script("api.js")], stub));
            peers.workers.push(peer("node-worker", "node".into(), &[&script("worker.js")], stub));
            peers.functions.push(peer("node", "node".into(), &[&script("function.js")], stub));
        }
        if let Some(python) = installed("fastapi", python(&target))? {
            peers.apis.push(peer("fastapi", python.clone(), &[&format!("{SOURCES}/python/api.py")], stub));
            peers.workers.push(peer("boto3-worker", python.clone(), &[&format!("{SOURCES}/python/worker.py")], stub));
            peers.functions.push(peer("python", python, &[&format!("{SOURCES}/python/function.py")], stub));
        }
        Ok(peers)
    }
}

/// Where peers are installed.
fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).context("the program is in no target folder")?.join("bench"))
}

/// A program that was built with this one.
fn beside_this(name: &str) -> PathBuf {
    std::env::current_exe().expect("the own path").with_file_name(name)
}

fn peer(name: &str, path: PathBuf, args: &[&str], stub: &Stub) -> Program {
    let aws = stub.variables().into_iter().map(|(variable, value)| (variable.to_owned(), value));
    let own = [("NODE_ENV", "production"), ("PYTHONDONTWRITEBYTECODE", "1"), ("HOME", "/nonexistent")];
    let variables = aws.chain(own.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    Program { name: name.to_owned(), path, args: args.iter().map(|arg| (*arg).to_owned()).collect(), variables }
}

/// What was installed; `None`, and a line that says so, if its tools are not there.
fn installed(peer: &str, tried: anyhow::Result<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    match tried {
        Ok(path) => Ok(Some(path)),
        Err(e) => match e.downcast_ref::<std::io::Error>() {
            Some(io) if io.kind() == ErrorKind::NotFound => {
                eprintln!("{peer} is left out: {e:#}");
                Ok(None)
            }
            _ => Err(e.context(format!("cannot install {peer}"))),
        },
    }
}

fn rust_sdk(target: &Path) -> anyhow::Result<PathBuf> {
    let (manifest, folder) = (format!("{SOURCES}/rust-sdk/Cargo.toml"), target.join("rust-sdk"));
    eprintln!("axum-sdk: building in {}", folder.display());
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--quiet", "--locked", "--manifest-path", &manifest, "--target-dir"]);
    run(build.arg(&folder))?;
    Ok(folder.join("release/rust-sdk-peer"))
}

fn node(target: &Path) -> anyhow::Result<PathBuf> {
    let (sources, folder) = (Path::new(SOURCES).join("node"), target.join("node"));
    fs::create_dir_all(&folder)?;
    for file in NODE_FILES {
        fs::copy(sources.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    once(&folder, &fs::read_to_string(sources.join("package-lock.json"))?, || {
        let mut install = Command::new("npm");
        run(install.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder))
    })?;
    Ok(folder)
}

fn python(target: &Path) -> anyhow::Result<PathBuf> {
    let (requirements, folder) = (format!("{SOURCES}/python/requirements.txt"), target.join("python"));
    let program = folder.join("bin/python");
    once(&folder, &fs::read_to_string(&requirements)?, || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut install = Command::new(&program);
        run(install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &requirements]))
    })?;
    Ok(program)
}

/// Installs into a folder, unless exactly this was installed there before.
fn once(folder: &Path, versions: &str, install: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == versions) {
        return Ok(());
    }
    eprintln!("installing in {}", folder.display());
    install()?;
    fs::write(&stamp, versions)?;
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("{name} cannot be run"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}
