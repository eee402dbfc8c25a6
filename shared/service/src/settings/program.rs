//! From the arguments and the environment of a program to its configuration.

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use super::{ALL, Errors, Groups, SecretArn, Setting, SettingsError, flags, source::Source};

/// The exit code of a program whose settings cannot be used.
const INVALID_SETTINGS: u8 = 2;

/// Why a program should print something and end.
#[derive(Debug)]
pub enum Exit {
    /// The text of `--help` or `--version`.
    Help(String),
    /// What is wrong with the settings.
    Invalid(SettingsError),
}

impl Exit {
    /// Prints the help text to standard output (exit code 0), or the errors to standard error (exit
    /// code 2).
    #[must_use]
    pub fn report(&self) -> ExitCode {
        // A closed pipe is no reason for another exit code.
        match self {
            Self::Help(text) => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            Self::Invalid(errors) => {
                let _ = writeln!(std::io::stderr(), "{errors}");
                ExitCode::from(INVALID_SETTINGS)
            }
        }
    }

    /// Reports what is wrong with the environment beside the settings; with the same exit code.
    #[must_use]
    pub fn refused(message: &str) -> ExitCode {
        let _ = writeln!(std::io::stderr(), "{message}");
        ExitCode::from(INVALID_SETTINGS)
    }
}

/// Reads the groups of a program and builds its configuration from them. `build` can report what is
/// wrong between groups; it gets them as they were read, and has no way to read more.
///
/// # Errors
/// [`Exit`]: the help text, or every error at once.
pub fn parse<G: Groups, T>(
    program: &'static str,
    about: &'static str,
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    build: impl FnOnce(G::Read, &mut Errors<'_>) -> Option<T>,
) -> Result<T, Exit> {
    let mut source = source_of::<G>(program, about, args, variables)?;
    source.refuse_arns();
    finish::<G, T>(source, build).map_err(Exit::Invalid)
}

/// The same for a program that reads secrets by their ARNs, by `read`: for each ARN the secret, or
/// the end of a sentence that begins with `OFFLOAD_…_ARN is "…", which`.
///
/// # Errors
/// As [`parse`].
pub async fn parse_with_arns<G: Groups, T>(
    program: &'static str,
    about: &'static str,
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    read: impl AsyncFn(&[SecretArn]) -> Vec<Result<String, String>>,
    build: impl FnOnce(G::Read, &mut Errors<'_>) -> Option<T>,
) -> Result<T, Exit> {
    let mut source = source_of::<G>(program, about, args, variables)?;
    source.read_arns(read).await;
    finish::<G, T>(source, build).map_err(Exit::Invalid)
}

/// What arguments, variables and files say.
fn source_of<G: Groups>(
    program: &'static str,
    about: &'static str,
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Source, Exit> {
    let mut source = Source::new(G::settings());
    source.set_variables(variables, &ALL);
    let command = flags::command(program, about, source.settings());
    if let Some(help) = source.set_flags(&command, args.into_iter().collect()) {
        return Err(Exit::Help(help));
    }
    source.read_files();
    for warning in source.warnings() {
        // There is no log yet: what is logged, and how, is a setting.
        let _ = writeln!(std::io::stderr(), "{warning}");
    }
    Ok(source)
}

/// Reads the groups from values that the caller sets. The rest have their defaults.
///
/// # Errors
/// Every error at once.
pub fn from_values<'a, G: Groups>(values: impl IntoIterator<Item = (Setting, &'a str)>) -> Result<G, SettingsError> {
    build_from::<G, G>(values, |read, _| G::whole(read))
}

/// The same, and builds something from them as [`parse`] does.
///
/// # Errors
/// Every error at once.
pub fn build_from<'a, G: Groups, T>(
    values: impl IntoIterator<Item = (Setting, &'a str)>,
    build: impl FnOnce(G::Read, &mut Errors<'_>) -> Option<T>,
) -> Result<T, SettingsError> {
    let mut source = Source::new(G::settings());
    for (setting, text) in values {
        source.set(setting, text.to_owned(), format!("--{}", setting.name()));
    }
    finish::<G, T>(source, build)
}

/// Reads the groups and builds something from them, unless anything was wrong.
fn finish<G: Groups, T>(
    mut source: Source,
    build: impl FnOnce(G::Read, &mut Errors<'_>) -> Option<T>,
) -> Result<T, SettingsError> {
    let read = G::read(&mut source);
    let built = build(read, &mut Errors(&mut source));
    let errors = source.into_errors();
    built.filter(|_| errors.is_empty()).ok_or(SettingsError(errors))
}
