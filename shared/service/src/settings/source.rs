//! Where the values of settings come from, and the errors met on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::Display,
    time::Duration,
};

use super::{Kept, SecretArn, Setting, secret_file};

/// Names that are no settings. The `command` processor sets the first two for the program that it
/// runs, which may be one of ours; the commands of `offload` that are clients read the last, in a
/// shell that may start the service too.
const NO_SETTINGS: [&str; 3] = ["OFFLOAD_ORDER_ID", "OFFLOAD_ATTEMPT", "OFFLOAD_API_KEY"];

/// A name that differs from a known one in more letters is not a slip of the fingers.
const TYPING_ERRORS_MAX: usize = 3;

/// The values of a program's settings, and the errors found so far.
pub struct Source {
    /// The settings that the program reads.
    settings: Vec<Setting>,
    values: BTreeMap<&'static str, Value>,
    /// Where values are that are still to be read.
    kept: BTreeMap<&'static str, KeptSecret>,
    /// Settings whose secret cannot be read: they are not missing.
    unreadable: BTreeSet<&'static str>,
    errors: Vec<String>,
    warnings: Vec<String>,
}

struct KeptSecret {
    setting: Setting,
    kept: Kept,
    /// The path or the ARN.
    text: String,
    origin: String,
}

struct Value {
    text: String,
    /// `--flag` or `VARIABLE`, for messages.
    origin: String,
}

impl Source {
    /// No values yet, for a program that reads these settings.
    pub(super) fn new(settings: Vec<Setting>) -> Self {
        Self {
            settings,
            values: BTreeMap::new(),
            kept: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Sets a value, which messages name by `origin`. The last one wins.
    pub(super) fn set(&mut self, setting: Setting, text: String, origin: String) {
        if text.is_empty() {
            // Not set, and so no reason to forget what keeps it.
        } else if let Some(kept) = self.kept.get(setting.constant) {
            if is_flag(&kept.origin) == is_flag(&origin) {
                self.error(both(&origin, &kept.origin.clone()));
            } else {
                self.kept.remove(setting.constant);
            }
        }
        self.values.insert(setting.constant, Value { text, origin });
    }

    /// Sets where a secret is. As with values, a flag wins over a variable; two of value, file and
    /// ARN by the same means are an error.
    pub(super) fn set_kept(&mut self, setting: Setting, kept: Kept, text: String, origin: String) {
        if text.is_empty() {
            return;
        }
        let value = self.values.get(setting.constant).filter(|value| !value.text.is_empty()).map(|v| v.origin.clone());
        if let Some(other) = value.or_else(|| self.kept.get(setting.constant).map(|p| p.origin.clone())) {
            if is_flag(&other) == is_flag(&origin) {
                self.error(both(&other, &origin));
                return;
            }
            self.values.remove(setting.constant);
        }
        self.kept.insert(setting.constant, KeptSecret { setting, kept, text, origin });
    }

    /// Reads the files of secrets.
    pub(super) fn read_files(&mut self) {
        for KeptSecret { setting, text: path, origin, .. } in self.take_kept(Kept::File) {
            match secret_file::read(&path) {
                Ok(file) => {
                    self.warnings.extend(file.warning);
                    self.values.insert(setting.constant, Value { text: file.text, origin });
                }
                Err(reason) => self.unreadable(setting, &origin, &path, &reason),
            }
        }
    }

    /// Reads the secrets that have ARNs, all at once by `read`, which gives them in their order.
    pub(super) async fn read_arns(&mut self, read: impl AsyncFn(&[SecretArn]) -> Vec<Result<String, String>>) {
        let all = self.take_kept(Kept::Arn);
        let parts = |secret: &KeptSecret| secret.text.split(',').map(|arn| arn.trim().to_owned()).collect::<Vec<_>>();
        let parsed: Vec<_> = all.iter().flat_map(parts).map(|arn| SecretArn::parse(&arn)).collect();
        let arns: Vec<SecretArn> = parsed.iter().flatten().cloned().collect();
        let mut values = if arns.is_empty() { Vec::new() } else { read(&arns).await }.into_iter();
        let mut parsed = parsed.into_iter();
        for secret in all {
            let mut found = Vec::new();
            for arn in parts(&secret) {
                let value = match parsed.next() {
                    Some(Ok(_)) => values.next().unwrap_or_else(|| Err("was not read".to_owned())),
                    Some(Err(reason)) => Err(reason),
                    None => break,
                };
                match value {
                    Ok(value) => found.push(value),
                    Err(reason) => self.unreadable(secret.setting, &secret.origin, &arn, &reason),
                }
            }
            if !self.unreadable.contains(secret.setting.constant) {
                let value = Value { text: found.join(","), origin: format!("{} ({})", secret.origin, secret.text) };
                self.values.insert(secret.setting.constant, value);
            }
        }
    }

    /// Reports the ARNs of secrets for a program that reads none.
    pub(super) fn refuse_arns(&mut self) {
        for KeptSecret { setting, text, origin, .. } in self.take_kept(Kept::Arn) {
            self.unreadable(setting, &origin, &text, "only offload-api and offload-worker read");
        }
    }

    fn take_kept(&mut self, kept: Kept) -> Vec<KeptSecret> {
        let (taken, left) = std::mem::take(&mut self.kept).into_iter().partition(|(_, k)| k.kept == kept);
        self.kept = left;
        let taken: BTreeMap<_, _> = taken;
        taken.into_values().collect()
    }

    fn unreadable(&mut self, setting: Setting, origin: &str, text: &str, reason: &str) {
        self.error(format!("{origin} is \"{text}\", which {reason}"));
        self.unreadable.insert(setting.constant);
    }

    /// What is unsafe, though it can be used.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Sets the values of environment variables. `all` are the settings of every program.
    ///
    /// The environment is not ours alone: Kubernetes, for one, puts `OFFLOAD_PORT` into every pod
    /// beside a service of the name `offload`. So what is no setting stops nothing; it is warned
    /// of, because it may be a typing error.
    pub(super) fn set_variables(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>, all: &[Setting]) {
        let of_ours = |(name, text): (OsString, OsString)| {
            let name = name.into_string().ok().filter(|name| name.starts_with("OFFLOAD_"))?;
            Some((name, text))
        };
        for (variable, text) in variables.into_iter().filter_map(of_ours) {
            let kept = |s: &Setting| Kept::ALL.into_iter().find(|p| s.secret && s.variable_of(*p) == variable);
            let known = all.iter().any(|s| s.variable() == variable || kept(s).is_some());
            let Ok(text) = text.into_string() else {
                if known {
                    self.error(format!("{variable} is not UTF-8"));
                }
                continue;
            };
            if let Some(setting) = self.settings.iter().find(|s| s.variable() == variable).copied() {
                self.set(setting, text, variable);
            } else if let Some((setting, kept)) = self.settings.iter().find_map(|s| Some((*s, kept(s)?))) {
                self.set_kept(setting, kept, text, variable);
            } else if !known && !NO_SETTINGS.contains(&variable.as_str()) && !is_service_link(&variable) {
                // Nor is a setting of another program: they may share one environment.
                let hint = did_you_mean(&variable, all.iter().map(Setting::variable));
                self.warnings.push(format!("{variable} is not a setting, and is ignored{hint}"));
            }
        }
    }

    /// The value of a setting that must be set or has a default.
    pub(super) fn required<T>(&mut self, setting: Setting, parser: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.optional(setting, parser)?;
        if value.is_none() {
            self.missing(setting);
        }
        value
    }

    /// The value of a setting: `Some(None)` if it is not set, `None` after an error.
    #[expect(clippy::option_option, reason = "the outer one says whether there was an error")]
    pub(super) fn optional<T>(
        &mut self,
        setting: Setting,
        parser: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        if self.unreadable.contains(setting.constant) {
            return None;
        }
        let Some(text) = self.text(setting) else { return Some(None) };
        match parser(text) {
            Ok(value) => Some(Some(value)),
            Err(reason) => {
                self.refuse(setting, reason);
                None
            }
        }
    }

    /// Whether a setting is set. Empty is not set.
    ///
    /// # Panics
    /// If the program does not read the setting: it would never be set.
    pub(super) fn is_set(&self, setting: Setting) -> bool {
        assert!(self.settings.contains(&setting), "the program does not read {}", setting.variable());
        self.values.get(setting.constant).is_some_and(|value| !value.text.is_empty())
    }

    fn text(&self, setting: Setting) -> Option<&str> {
        let set = self.values.get(setting.constant).map(|value| value.text.as_str());
        set.filter(|text| !text.is_empty()).or(setting.default)
    }

    /// Reports an error, once: two groups may read the same setting.
    pub(super) fn error(&mut self, message: String) {
        if !self.errors.contains(&message) {
            self.errors.push(message);
        }
    }

    pub(super) fn refuse(&mut self, setting: Setting, reason: impl Display) {
        let value = self.values.get(setting.constant);
        let origin = value.map_or_else(|| setting.variable(), |value| value.origin.clone());
        let message = match self.text(setting) {
            Some(text) if !setting.secret => format!("{origin} is \"{text}\", which {reason}"),
            _ => format!("{origin} {reason}"),
        };
        self.error(message);
    }

    /// Reports that a time must not be above another one.
    pub(super) fn check_order(&mut self, (low, low_time): (Setting, Duration), (high, high_time): (Setting, Duration)) {
        if low_time > high_time {
            let (low_time, high_time) = (low_time.as_secs_f64(), high_time.as_secs_f64());
            let (low, high) = (low.variable(), high.variable());
            self.error(format!("{low} is {low_time} s, and {high} is {high_time} s: the former must not be above it"));
        }
    }

    pub(super) fn missing(&mut self, setting: Setting) {
        self.error(format!("{} (or --{}) is missing: {}", setting.variable(), setting.name(), setting.help));
    }

    /// The errors found so far.
    pub(super) fn into_errors(self) -> Vec<String> {
        self.errors
    }
}

/// Whether this is a variable by which Kubernetes lists a service whose name begins with
/// `offload`: `OFFLOAD_API_SERVICE_HOST`, `OFFLOAD_PORT_80_TCP_ADDR`.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_service_link(variable: &str) -> bool {
    let of_port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|n| n.parse::<u16>().is_ok());
        let protocol = matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
        number && protocol && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR")) && parts.next().is_none()
    };
    variable.ends_with("_SERVICE_HOST")
        || variable.contains("_SERVICE_PORT")
        || variable.ends_with("_PORT")
        || variable.split_once("_PORT_").is_some_and(|(_, rest)| of_port(rest))
}

fn is_flag(origin: &str) -> bool {
    origin.starts_with("--")
}

fn both(value: &str, file: &str) -> String {
    format!("{value} and {file} are both set: set one of them")
}

/// `; did you mean …?` with the known name that is nearest to an unknown one, if one is near.
pub(super) fn did_you_mean(unknown: &str, known: impl Iterator<Item = String>) -> String {
    let near = known.map(|name| (strsim::osa_distance(unknown, &name), name)).min();
    near.filter(|(errors, _)| *errors <= TYPING_ERRORS_MAX)
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}
