//! The work itself: the [`Processor`] trait, and the processors that come with the service.
//!
//! Work of your own plugs in without Rust by [`command`] (any program) or [`http`] (any endpoint),
//! or as a [`Processor`] of your own: a file here, and a line in each of the two lists below.

pub mod command;
mod contract;
mod demo;
mod document;
mod entry;
pub mod http;
mod none;
mod output;
mod progress;
mod result_text;
#[cfg(test)]
mod testing;

use offload_service::settings::{Errors, ProcessorSettings, catalogue as c};

pub use command::{CommandProcessor, InvalidCommand, Limits};
pub use contract::{Outcome, ProcessError, Processor, ResultFile};
pub use demo::ENTRY as DEMO;
pub use entry::{Chosen, Entry};
pub use http::{HttpProcessor, InvalidEndpoint};
pub use progress::Progress;

/// Every processor that can be chosen by its name.
pub const PROCESSORS: &[&Entry] = &[&command::ENTRY, &http::ENTRY, &demo::ENTRY, &none::ENTRY];

/// The processors by name, for people: "a (…), b (…) or c (…)".
#[must_use]
pub fn choices() -> String {
    let mut choices: Vec<String> = PROCESSORS.iter().map(|entry| format!("{} ({})", entry.name, entry.about)).collect();
    let last = choices.pop().unwrap_or_default();
    format!("{} or {last}", choices.join(", "))
}

/// The processor that the settings choose; `None` after an error. There is no default: a worker
/// that does not know what does the work must not complete orders.
pub fn from_settings(settings: Option<ProcessorSettings>, errors: &mut Errors<'_>) -> Option<Chosen> {
    if !errors.is_set(c::PROCESSOR) {
        errors.add(format!("{} is {}", c::PROCESSOR.variable(), choices()));
    }
    let settings = settings?;
    let Some(entry) = PROCESSORS.iter().find(|entry| entry.name == settings.processor) else {
        errors.refuse(c::PROCESSOR, format!("is no processor: choose {}", choices()));
        return None;
    };
    let others = PROCESSORS.iter().filter(|other| other.name != entry.name);
    for (other, setting) in others.flat_map(|other| other.settings.iter().map(|setting| (other.name, *setting))) {
        // Set and not used: the operator meant another processor. A setting with a default does not
        // prove that.
        if setting.default.is_none() && errors.is_set(setting) {
            let (variable, processor) = (setting.variable(), c::PROCESSOR.variable());
            errors.add(format!(
                "{variable} is set, but another processor is chosen: set {processor}={other}, or unset it"
            ));
        }
    }
    (entry.build)(&settings, errors)
}

#[cfg(test)]
mod tests {
    use offload_service::settings::{self, Setting};

    use super::*;

    fn chosen(values: &[(Setting, &str)]) -> Result<&'static str, Vec<String>> {
        let chosen = settings::build_from::<ProcessorSettings, _>(values.iter().copied(), from_settings);
        chosen.map(|chosen| chosen.name).map_err(|e| e.0)
    }

    #[test]
    fn each_processor_is_chosen_by_its_name() {
        for (values, expected) in [
            (&[(c::PROCESSOR, "demo"), (c::JOB_SECONDS, "exp:2")][..], "demo"),
            (&[(c::PROCESSOR, "command"), (c::COMMAND, "sh -c true")], "command"),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "http://127.0.0.1:1/work")], "http"),
            (&[(c::PROCESSOR, "none")], "none"),
        ] {
            assert_eq!(chosen(values), Ok(expected));
        }
    }

    #[test]
    fn without_a_processor_the_error_names_every_choice() {
        for values in [&[][..], &[(c::PROCESSOR, "")], &[(c::PROCESSOR, "shell")]] {
            let errors = chosen(values).unwrap_err().join("\n");
            for entry in PROCESSORS {
                assert!(errors.contains(&format!("{} (", entry.name)), "{}: {errors}", entry.name);
            }
        }
    }

    #[test]
    fn every_wrong_setting_is_reported() {
        for (values, expected) in [
            (&[(c::PROCESSOR, "shell")][..], &["\"shell\""][..]),
            (&[(c::PROCESSOR, "demo"), (c::JOB_SECONDS, "soon")], &["write 2, exp:2"]),
            (&[(c::PROCESSOR, "command")], &["OFFLOAD_COMMAND (or --command) is missing"]),
            (&[(c::PROCESSOR, "command"), (c::COMMAND, "no-such-program-here")], &["not found in PATH"]),
            (&[(c::PROCESSOR, "http")], &["OFFLOAD_HTTP_URL (or --http-url) is missing"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "somewhere")], &["not an http or https URL"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "ftp://a/")], &["which cannot be used"]),
            (&[(c::PROCESSOR, "demo"), (c::COMMAND, "sh")], &["set OFFLOAD_PROCESSOR=command"]),
            (
                &[(c::PROCESSOR, "http"), (c::COMMAND, "sh"), (c::HTTP_URL, "x")],
                &["OFFLOAD_COMMAND is set", "not an http or https URL"],
            ),
        ] {
            let errors = chosen(values).unwrap_err();
            assert_eq!(errors.len(), expected.len(), "{errors:?}");
            assert!(errors.iter().zip(expected).all(|(e, part)| e.contains(part)), "{errors:?}");
        }
    }
}
