//! The one list of processors, and the choice among them.

use offload_service::settings::{Errors, ProcessorSettings, catalogue as c};

use super::{
    command, demo,
    entry::{Chosen, Entry},
    http,
};

/// Every processor that can be chosen by its name.
pub const PROCESSORS: &[&Entry] = &[&command::ENTRY, &http::ENTRY, &demo::ENTRY];

/// The processor that the settings choose. There is no default: a worker that was not told what does
/// the work must not answer orders. `None` after an error.
pub fn from_settings(settings: &ProcessorSettings, errors: &mut Errors<'_>) -> Option<Chosen> {
    let Some(name) = &settings.processor else {
        let (variable, flag) = (c::PROCESSOR.variable(), c::PROCESSOR.name());
        errors.add(format!("{variable} (or --{flag}) is missing: what does the work. Choose {}", choices()));
        return None;
    };
    let Some(entry) = PROCESSORS.iter().find(|entry| entry.name == name) else {
        errors.refuse(c::PROCESSOR, format!("is not a processor. Choose {}", choices()));
        return None;
    };
    let others = PROCESSORS.iter().filter(|other| other.name != entry.name);
    let unused: Vec<String> = others.flat_map(|other| unused(other, errors)).collect();
    let chosen = (entry.build)(settings, errors);
    let fits = unused.is_empty();
    unused.into_iter().for_each(|error| errors.add(error));
    chosen.filter(|_| fits)
}

/// The processors by name, for messages: "a (x), b (y) or c (z)".
fn choices() -> String {
    let mut choices: Vec<String> = PROCESSORS.iter().map(|entry| format!("{} ({})", entry.name, entry.about)).collect();
    let last = choices.pop().unwrap_or_default();
    format!("{} or {last}", choices.join(", "))
}

/// Errors for settings that are set and belong to a processor that is not chosen: the operator meant
/// another one. A setting with a default says nothing about that.
fn unused(entry: &Entry, errors: &Errors<'_>) -> Vec<String> {
    let set = entry.settings.iter().filter(|s| s.default.is_none() && errors.is_set(**s));
    set.map(|setting| {
        let (variable, processor) = (setting.variable(), c::PROCESSOR.variable());
        format!("{variable} is set, but another processor is chosen: set {processor}={}, or unset it", entry.name)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use offload_service::settings::{self, Setting};

    use super::*;

    fn chosen(values: &[(Setting, &str)]) -> Result<&'static str, Vec<String>> {
        let chosen = settings::build_from::<ProcessorSettings, _>(values.iter().copied(), |read, errors| {
            from_settings(&read?, errors)
        });
        chosen.map(|chosen| chosen.name).map_err(|e| e.0)
    }

    #[test]
    fn each_processor_is_chosen_by_its_name() {
        for (values, expected) in [
            (&[(c::PROCESSOR, "demo"), (c::JOB_SECONDS, "exp:2")][..], "demo"),
            (&[(c::PROCESSOR, "command"), (c::COMMAND, "sh -c true")], "command"),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "http://127.0.0.1:1/work")], "http"),
        ] {
            assert_eq!(chosen(values), Ok(expected));
        }
    }

    #[test]
    fn without_a_processor_the_error_names_every_choice() {
        for values in [&[][..], &[(c::PROCESSOR, "")], &[(c::PROCESSOR, "shell")]] {
            let errors = chosen(values).unwrap_err();
            assert_eq!(errors.len(), 1, "{errors:?}");
            for entry in PROCESSORS {
                assert!(errors[0].contains(&format!("{} (", entry.name)), "{}: {errors:?}", entry.name);
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
                &["not an http or https URL", "OFFLOAD_COMMAND is set"],
            ),
        ] {
            let errors = chosen(values).unwrap_err();
            assert_eq!(errors.len(), expected.len(), "{errors:?}");
            assert!(errors.iter().zip(expected).all(|(e, part)| e.contains(part)), "{errors:?}");
        }
    }
}
