//! Which program, and how it is started.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr,
};

use offload_domain::{order::Order, trace::TraceContext};
use offload_service::settings;
use tokio::process::{Child, Command};

use super::{
    children::{Children, Group},
    environment::Allowed,
    limits::Limits,
};

/// Runs a program for every order. The [module](super) describes what it reads and prints.
#[derive(Debug, Clone)]
pub struct CommandProcessor {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) limits: Limits,
    environment: Allowed,
    children: Children,
}

/// The command cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCommand {
    /// There is nothing in it.
    #[error("it names no program")]
    Empty,
    /// It starts like a JSON array, but is not an array of strings.
    #[error("it starts with [, but is not a JSON array of strings")]
    NotStrings(#[source] serde_json::Error),
    /// It has quotes, which only a shell would understand.
    #[error("quotes mean nothing here; write a JSON array of strings, such as [\"python3\", \"my work.py\"]")]
    Quotes,
    /// The program does not exist.
    #[error("the program {0} is not found{in_path}", in_path = if .0.contains('/') { "" } else { " in PATH" })]
    NotFound(String),
    /// The file cannot be executed.
    #[error("{0} is not an executable file")]
    NotExecutable(String),
}

impl CommandProcessor {
    /// A program, by its name in `PATH` or by its path, and its arguments.
    ///
    /// # Errors
    /// If the program could not be started now: a worker should not take orders that it cannot work
    /// on.
    pub fn new(program: impl Into<String>, args: Vec<String>) -> Result<Self, InvalidCommand> {
        let program = program.into();
        find(&program, env::var_os("PATH").as_deref())?;
        Ok(Self {
            program,
            args,
            limits: Limits::default(),
            environment: Allowed::default(),
            children: Children::default(),
        })
    }

    /// A command in one text: a JSON array of strings, or program and arguments split at white
    /// space.
    ///
    /// # Errors
    /// If it is neither, or the program could not be started now.
    pub fn parse(text: &str) -> Result<Self, InvalidCommand> {
        let mut words = words(text)?.into_iter();
        let program = words.next().filter(|p| !p.is_empty()).ok_or(InvalidCommand::Empty)?;
        Self::new(program, words.collect())
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with other variables.
    pub(super) fn with_environment(self, environment: Allowed) -> Self {
        Self { environment, ..self }
    }

    /// The same, whose programs end with the worker, whatever ends that.
    pub(super) fn guarded(self) -> Self {
        // Lambda ends all processes of a function together.
        if settings::in_lambda() { self } else { Self { children: Children::guarded(), ..self } }
    }

    pub(super) async fn start(&self, order: &Order) -> io::Result<(Child, Group)> {
        self.children.start(self.command(order)).await
    }

    pub(super) fn command(&self, order: &Order) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.environment.of(env::vars_os()))
            .env("OFFLOAD_ORDER_ID", order.id.to_string())
            .env("OFFLOAD_ATTEMPT", order.attempt.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(TraceContext { parent, state }) = &order.trace {
            command.env("TRACEPARENT", parent).envs(state.as_ref().map(|state| ("TRACESTATE", state)));
        }
        command
    }
}

impl FromStr for CommandProcessor {
    type Err = InvalidCommand;

    fn from_str(text: &str) -> Result<Self, InvalidCommand> {
        Self::parse(text)
    }
}

fn words(text: &str) -> Result<Vec<String>, InvalidCommand> {
    if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(InvalidCommand::NotStrings)
    } else if text.contains(['"', '\'']) {
        Err(InvalidCommand::Quotes)
    } else {
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

/// Searches for the program as `execvp` will.
fn find(program: &str, path: Option<&OsStr>) -> Result<(), InvalidCommand> {
    let executable = |p: &Path| p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![program.into()]
    } else {
        path.map(|p| env::split_paths(p).map(|dir| dir.join(program)).collect()).unwrap_or_default()
    };
    if candidates.iter().any(|p| executable(p)) {
        return Ok(());
    }
    match candidates.iter().find(|p| p.exists()) {
        Some(file) => Err(InvalidCommand::NotExecutable(file.display().to_string())),
        None => Err(InvalidCommand::NotFound(program.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_white_space_or_a_json_array() {
        let parsed = |text: &str| {
            let command = CommandProcessor::parse(text).unwrap();
            [vec![command.program], command.args].concat()
        };
        assert_eq!(parsed(" sh  -c true\n"), ["sh", "-c", "true"]);
        assert_eq!(parsed(r#" ["sh", "-c", "echo 'a b'", ""]"#), ["sh", "-c", "echo 'a b'", ""]);
        assert_eq!(parsed("/bin/sh"), ["/bin/sh"]);
    }

    #[test]
    fn a_command_that_cannot_be_run_is_refused_with_the_reason() {
        let error = |text: &str| CommandProcessor::parse(text).unwrap_err().to_string();
        for text in ["", "  ", "[]", "[\"\"]"] {
            assert_eq!(error(text), "it names no program", "{text}");
        }
        assert!(error("[1]").contains("JSON array of strings"));
        assert!(error("sh -c 'a b'").contains("JSON array"));
        assert_eq!(error("no-such-program-here -x"), "the program no-such-program-here is not found in PATH");
        assert_eq!(error("/no/such/program"), "the program /no/such/program is not found");
        assert_eq!(error("/etc/passwd"), "/etc/passwd is not an executable file");
        assert_eq!(error("/tmp"), "/tmp is not an executable file");
    }
}
