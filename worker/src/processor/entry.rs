//! How a processor is chosen.

use std::{fmt::Display, sync::Arc};

use offload_service::settings::{Errors, ProcessorSettings, Setting};

use super::contract::Processor;

/// A processor that can be chosen by its name.
#[derive(Debug)]
pub struct Entry {
    /// The value of `OFFLOAD_PROCESSOR`.
    pub name: &'static str,
    /// What does the work, in a few words.
    pub about: &'static str,
    /// The settings that no other processor reads.
    pub settings: &'static [Setting],
    /// Builds it; `None` after an error.
    pub(super) build: fn(&ProcessorSettings, &mut Errors<'_>) -> Option<Chosen>,
}

/// The processor that the settings choose.
pub struct Chosen {
    /// Its value of `OFFLOAD_PROCESSOR`.
    pub name: &'static str,
    /// The processor itself.
    pub processor: Arc<dyn Processor>,
    /// What does the work, for people: the program, the URL.
    pub work: String,
}

impl Chosen {
    pub(super) fn new(entry: &Entry, processor: impl Processor, work: String) -> Self {
        Self { name: entry.name, processor: Arc::new(processor), work }
    }
}

/// The text of a setting that the chosen processor needs.
pub(super) fn required<'a>(setting: Setting, text: Option<&'a String>, errors: &mut Errors<'_>) -> Option<&'a str> {
    if text.is_none() {
        errors.missing(setting);
    }
    text.map(String::as_str)
}

/// What was made of a setting, or an error: `reason` completes the sentence
/// `OFFLOAD_… is "…", which`.
pub(super) fn usable<T, E: Display>(
    setting: Setting,
    made: Result<T, E>,
    reason: &str,
    errors: &mut Errors<'_>,
) -> Option<T> {
    made.map_err(|e| errors.refuse(setting, format!("{reason}: {e}"))).ok()
}
