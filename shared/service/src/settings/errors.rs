//! What is wrong with the settings of a program.

use std::{fmt, time::Duration};

use super::{Setting, source::Source};

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the settings cannot be used:", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for SettingsError {}

/// Where a program reports what is wrong between the groups that it has read. It gives no value
/// away: a setting that is not in one of these groups cannot be read through it.
pub struct Errors<'a>(pub(super) &'a mut Source);

impl Errors<'_> {
    /// Reports an error. The message names the settings by their variables.
    pub fn add(&mut self, message: impl Into<String>) {
        self.0.error(message.into());
    }

    /// Reports that the value of a setting cannot be used. `reason` completes the sentence
    /// `OFFLOAD_… is "…", which`.
    pub fn refuse(&mut self, setting: Setting, reason: impl fmt::Display) {
        self.0.refuse(setting, reason);
    }

    /// Reports that a time must not be above another one, if it is.
    pub fn check_order(&mut self, low: (Setting, Duration), high: (Setting, Duration)) {
        self.0.check_order(low, high);
    }

    /// Whether a setting is set. Its value is in the group that declares it.
    ///
    /// # Panics
    /// If the program does not read the setting: it would never be set.
    #[must_use]
    pub fn is_set(&self, setting: Setting) -> bool {
        self.0.is_set(setting)
    }

    /// Reports that a setting is missing.
    pub fn missing(&mut self, setting: Setting) {
        self.0.missing(setting);
    }
}
