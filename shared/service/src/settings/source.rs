//! Reads settings from flags and variables, and collects what is wrong with them.

use std::{
    collections::BTreeMap, ffi::OsString, fmt, fmt::Write as _, io::Write as _, process::ExitCode, str::FromStr,
    time::Duration,
};

use clap::{Arg, Command, error::ErrorKind};

use super::catalogue::{ALL, Setting};

/// What the `command` processor tells the program that it runs, which may be one of ours.
const ORDER_ID: &str = "OFFLOAD_ORDER_ID";

/// The values as given, and the errors met so far.
#[derive(Default)]
pub struct Source {
    values: BTreeMap<&'static str, Given>,
    errors: Vec<String>,
}

struct Given {
    value: String,
    /// `--flag` or `VARIABLE`, for messages.
    from: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{} of the settings cannot be used:", self.0.len());
        for e in &self.0 {
            write!(text, "\n  {e}")?;
        }
        f.write_str(&text)
    }
}

impl std::error::Error for SettingsError {}

/// The program should print this and end.
#[derive(Debug)]
pub enum Exit {
    /// `--help` or `--version`: exit code 0.
    Asked(String),
    /// Wrong settings: exit code 2.
    Wrong(SettingsError),
}

impl Exit {
    /// Says it where it belongs, and gives the exit code: 0 for an answer, 2 for wrong settings.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        // A closed pipe is no reason to fail differently.
        match self {
            Self::Asked(text) => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            Self::Wrong(errors) => {
                let _ = writeln!(std::io::stderr(), "{errors}");
                ExitCode::from(2)
            }
        }
    }
}

/// Reads the settings of a program and builds its configuration from them.
///
/// # Errors
/// [`Exit`]: asked for help, or every error at once.
pub fn parse<T>(
    program: &'static str,
    about: &'static str,
    settings: &[Setting],
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
    build: impl FnOnce(&mut Source) -> Option<T>,
) -> Result<T, Exit> {
    let mut source = Source::default();
    source.read_variables(settings, variables);
    source.read_flags(&command(program, about, settings), settings, args.into_iter().collect())?;
    let built = build(&mut source);
    source.finish(built).map_err(Exit::Wrong)
}

fn command(program: &'static str, about: &'static str, settings: &[Setting]) -> Command {
    let arg = |s: &Setting| {
        let default = s.default.map(|d| format!(" [default: {d}]")).unwrap_or_default();
        let arg = Arg::new(s.name).long(s.name).value_name("VALUE");
        arg.help(format!("{}{default} [env: {}]", s.help, s.variable()))
    };
    let after = "AWS credentials, region and endpoints are read as by every AWS SDK: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_S3, ...";
    Command::new(program)
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .args(settings.iter().map(arg))
        .after_help(after)
}

impl Source {
    /// A source of values that the program itself sets; the rest have their defaults.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = (Setting, &'a str)>) -> Self {
        let given = |(s, v): (Setting, &str)| (s.name, Given { value: v.to_owned(), from: format!("--{}", s.name) });
        Self { values: values.into_iter().map(given).collect(), errors: Vec::new() }
    }

    fn read_variables(&mut self, settings: &[Setting], variables: impl IntoIterator<Item = (String, String)>) {
        let own: BTreeMap<_, _> = settings.iter().map(|s| (s.variable(), s.name)).collect();
        for (variable, value) in variables.into_iter().filter(|(k, _)| k.starts_with("OFFLOAD_")) {
            if let Some(name) = own.get(&variable) {
                self.values.insert(name, Given { value, from: variable });
            } else if variable != ORDER_ID && !ALL.iter().any(|s| s.variable() == variable) {
                // A setting of another program is no error: they may share one environment.
                let near = nearest(&variable).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                self.errors.push(format!("{variable} is not a setting{near}"));
            }
        }
    }

    fn read_flags(&mut self, command: &Command, settings: &[Setting], mut args: Vec<OsString>) -> Result<(), Exit> {
        // clap stops at the first argument that it does not know. Take it out and go on, to tell of every one.
        let matches = loop {
            let error = match command.clone().try_get_matches_from(&args) {
                Ok(matches) => break matches,
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    return Err(Exit::Asked(error.to_string()));
                }
                ErrorKind::UnknownArgument => {
                    let unknown = error.get(clap::error::ContextKind::InvalidArg).map(ToString::to_string);
                    let unknown = unknown.unwrap_or_default();
                    let flag = unknown.split([' ', '=']).next().unwrap_or_default().to_owned();
                    self.errors.push(format!("{flag} is not a setting; --help lists them"));
                    let before = args.len();
                    if let Some(at) = args.iter().skip(1).position(|a| a.to_string_lossy().starts_with(&flag)) {
                        let at = at + 1;
                        let bare = !args[at].to_string_lossy().contains('=');
                        args.remove(at);
                        // Its value, if it came apart from it.
                        if bare && args.get(at).is_some_and(|a| !a.to_string_lossy().starts_with('-')) {
                            args.remove(at);
                        }
                    }
                    if args.len() == before {
                        return Ok(());
                    }
                }
                _ => {
                    self.errors.push(error.to_string().lines().next().unwrap_or_default().replace("error: ", ""));
                    return Ok(());
                }
            }
        };
        for s in settings {
            if let Some(value) = matches.get_one::<String>(s.name) {
                self.values.insert(s.name, Given { value: value.clone(), from: format!("--{}", s.name) });
            }
        }
        Ok(())
    }

    /// Notes an error that only the caller can see.
    pub fn error(&mut self, message: impl Into<String>) {
        self.errors.push(message.into());
    }

    /// The text of a setting, if it is set and not empty, or its default.
    pub fn optional(&mut self, setting: Setting) -> Option<String> {
        match self.values.get(setting.name) {
            Some(given) if !given.value.is_empty() => Some(given.value.clone()),
            _ => setting.default.map(str::to_owned),
        }
    }

    /// The text of a setting that must be there.
    pub fn required(&mut self, setting: Setting) -> Option<String> {
        let value = self.optional(setting);
        if value.is_none() {
            self.errors.push(format!("{} (or --{}) is missing: {}", setting.variable(), setting.name, setting.help));
        }
        value
    }

    /// A value of any kind that can be read from text.
    pub fn read<T: FromStr>(&mut self, setting: Setting, what: &str) -> Option<T>
    where
        T::Err: fmt::Display,
    {
        let text = self.required(setting)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(e) => {
                let from = self.origin(setting);
                self.errors.push(format!("{from} is \"{text}\", which is not {what}: {e}"));
                None
            }
        }
    }

    /// A number within bounds.
    pub fn number<T>(&mut self, setting: Setting, low: T, high: T) -> Option<T>
    where
        T: FromStr + PartialOrd + fmt::Display + Copy,
        T::Err: fmt::Display,
    {
        let value: T = self.read(setting, "a number")?;
        if value >= low && value <= high {
            return Some(value);
        }
        let from = self.origin(setting);
        self.errors.push(format!("{from} is {value}, which is not between {low} and {high}"));
        None
    }

    /// A time in seconds, fractions allowed, within bounds.
    pub fn seconds(&mut self, setting: Setting, low: f64, high: f64) -> Option<Duration> {
        self.number(setting, low, high).map(Duration::from_secs_f64)
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, setting: Setting, choices: &[(&str, T)]) -> Option<T> {
        let text = self.required(setting)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let from = self.origin(setting);
            self.errors.push(format!("{from} is \"{text}\", which is not one of {}", words.join(", ")));
        }
        found
    }

    fn origin(&self, setting: Setting) -> String {
        self.values.get(setting.name).map_or_else(|| setting.variable(), |g| g.from.clone())
    }

    /// The configuration, unless something was wrong.
    ///
    /// # Errors
    /// Every error noted.
    pub fn finish<T>(self, built: Option<T>) -> Result<T, SettingsError> {
        match built {
            Some(built) if self.errors.is_empty() => Ok(built),
            _ => Err(SettingsError(self.errors)),
        }
    }
}

/// The known variable that differs in the fewest letters, if that is few enough to be a slip.
fn nearest(variable: &str) -> Option<String> {
    let known = ALL.iter().map(Setting::variable);
    known.map(|k| (distance(variable, &k), k)).filter(|(d, _)| *d <= 3).min().map(|(_, k)| k)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::catalogue::{BUCKET, CONCURRENCY, TABLE};

    fn read(args: &[&str], vars: &[(&str, &str)]) -> Result<(String, u32, String), Exit> {
        let args = std::iter::once("p").chain(args.iter().copied()).map(OsString::from);
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        parse("p", "a program", &[BUCKET, CONCURRENCY, TABLE], args, vars, |s| {
            let (a, b, c) = (s.required(BUCKET), s.number(CONCURRENCY, 1, 1_000), s.required(TABLE));
            Some((a?, b?, c?))
        })
    }

    fn errors(args: &[&str], vars: &[(&str, &str)]) -> Vec<String> {
        match read(args, vars) {
            Err(Exit::Wrong(e)) => e.0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_default() {
        let vars = [("OFFLOAD_BUCKET", "b"), ("OFFLOAD_TABLE", "t"), ("OFFLOAD_CONCURRENCY", "7")];
        assert_eq!(read(&[], &vars[..2]).unwrap(), ("b".into(), 10, "t".into()));
        assert_eq!(read(&[], &vars).unwrap().1, 7);
        assert_eq!(read(&["--concurrency", "8"], &vars).unwrap().1, 8);
    }

    #[test]
    fn every_error_is_told_at_once() {
        let vars = [("OFFLOAD_BUKET", "b"), ("OFFLOAD_CONCURRENCY", "many"), ("PATH", "/bin")];
        let e = errors(&["--colour", "red", "--shape=round"], &vars);
        assert_eq!(e.len(), 6, "{e:#?}");
        assert!(e[0].contains("OFFLOAD_BUKET") && e[0].contains("OFFLOAD_BUCKET"));
        assert!(e[1].contains("--colour") && e[2].contains("--shape"));
        assert!(e[3].contains("OFFLOAD_BUCKET") && e[3].contains("missing"));
        assert!(e[4].contains("\"many\"") && e[4].contains("OFFLOAD_CONCURRENCY"));
        assert!(e[5].contains("OFFLOAD_TABLE"));
    }

    #[test]
    fn numbers_have_bounds_and_empty_is_not_set() {
        let e = errors(&["--concurrency=0", "--bucket="], &[("OFFLOAD_TABLE", "t")]);
        assert!(e[0].contains("OFFLOAD_BUCKET") && e[1].contains("not between 1 and 1000"), "{e:?}");
    }

    #[test]
    fn a_setting_of_another_program_is_no_error() {
        assert!(read(&["--bucket=b", "--table=t"], &[("OFFLOAD_LISTEN", "x")]).is_ok());
    }

    #[test]
    fn help_names_flag_variable_and_default() {
        let Err(Exit::Asked(help)) = read(&["--help"], &[]) else { panic!() };
        assert!(
            help.contains("--concurrency") && help.contains("OFFLOAD_CONCURRENCY") && help.contains("[default: 10]")
        );
    }
}
