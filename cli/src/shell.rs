//! `offload completions`, `offload man` and `offload open`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Stdio},
};

use clap::{Args, Command};
use clap_complete::Shell;
use url::Url;

use crate::{client::DEFAULT_API, failure::Failure, output};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder that gets a page for each command; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// URL of the api
    #[arg(long, value_name = "URL", default_value = DEFAULT_API)]
    api: Url,
    /// Print the URL, and open nothing
    #[arg(long)]
    print: bool,
}

/// Prints the completions of a shell.
pub(crate) fn completions(args: &CompletionsArgs, mut program: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "offload", &mut script);
    // It is made of our own words, and has no text of others: as it is, tabs included.
    output::verbatim(&script)
}

/// Writes the man pages.
pub(crate) fn man(args: &ManArgs, program: Command) -> Result<(), Failure> {
    let cannot = |what: &str, path: &Path, e: &std::io::Error| {
        Failure::Refused(format!("cannot {what} {}: {e}", path.display()))
    };
    fs::create_dir_all(&args.folder).map_err(|e| cannot("make", &args.folder, &e))?;
    clap_mangen::generate_to(program, &args.folder).map_err(|e| cannot("write to", &args.folder, &e))
}

/// Opens the console in a browser.
pub(crate) fn open(args: &OpenArgs) -> Result<(), Failure> {
    let url = args.api.as_str();
    if args.print {
        return output::result(url);
    }
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened =
        process::Command::new(opener).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match opened {
        Ok(_) => output::result(url),
        Err(e) => Err(Failure::Refused(format!("cannot start {opener} ({e}): open {url} in a browser"))),
    }
}
