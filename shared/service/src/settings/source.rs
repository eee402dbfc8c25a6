//! Where the values of settings come from, and the errors met on the way.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use super::Setting;

/// The `command` processor sets it for the program that it runs, which may be one of ours.
const ORDER_ID: &str = "OFFLOAD_ORDER_ID";

/// A name that differs from a known one in more letters is not a slip of the fingers.
const TYPING_ERRORS_MAX: usize = 3;

/// The values of a program's settings, and the errors found so far.
pub struct Source {
    /// The settings that the program reads.
    settings: Vec<Setting>,
    values: BTreeMap<&'static str, Value>,
    errors: Vec<String>,
}

struct Value {
    text: String,
    /// `--flag` or `VARIABLE`, for messages.
    origin: String,
}

impl Source {
    /// No values yet, for a program that reads these settings.
    pub(super) fn new(settings: Vec<Setting>) -> Self {
        Self { settings, values: BTreeMap::new(), errors: Vec::new() }
    }

    pub(super) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Sets a value, which messages name by `origin`. The last one wins.
    pub(super) fn set(&mut self, setting: Setting, text: String, origin: String) {
        self.values.insert(setting.constant, Value { text, origin });
    }

    /// Sets the values of environment variables. `all` are the settings of every program.
    pub(super) fn set_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>, all: &[Setting]) {
        for (variable, text) in variables.into_iter().filter(|(name, _)| name.starts_with("OFFLOAD_")) {
            if let Some(setting) = self.settings.iter().find(|s| s.variable() == variable).copied() {
                self.set(setting, text, variable);
            } else if variable != ORDER_ID && !all.iter().any(|s| s.variable() == variable) {
                // A setting of another program is not an error: they may share one environment.
                let hint = did_you_mean(&variable, all.iter().map(Setting::variable));
                self.error(format!("{variable} is not a setting{hint}"));
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

/// `; did you mean …?` with the known name that is nearest to an unknown one, if one is near.
pub(super) fn did_you_mean(unknown: &str, known: impl Iterator<Item = String>) -> String {
    let near = known.map(|name| (strsim::osa_distance(unknown, &name), name)).min();
    near.filter(|(errors, _)| *errors <= TYPING_ERRORS_MAX)
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}
