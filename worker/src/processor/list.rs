//! The one list of processors, and the choice among them.

use offload_service::settings::{Setting, Source, catalogue as c};

use super::{
    command, demo,
    entry::{Chosen, Entry},
    http,
};

/// Every processor that can be chosen by its name.
pub const PROCESSORS: &[&Entry] = &[&command::ENTRY, &http::ENTRY, &demo::ENTRY];

/// The settings that [`from_settings`] reads.
#[must_use]
pub fn settings() -> Vec<Setting> {
    std::iter::once(c::PROCESSOR).chain(PROCESSORS.iter().flat_map(|entry| entry.settings.iter().copied())).collect()
}

/// The processor that the settings choose. There is no default: a worker that was not told what does
/// the work must not answer orders. Errors are collected in the source.
pub fn from_settings(source: &mut Source) -> Option<Chosen> {
    let variable = c::PROCESSOR.variable();
    let Some(name) = source.optional(c::PROCESSOR) else {
        let (flag, choices) = (c::PROCESSOR.name, choices());
        source.error(format!("{variable} (or --{flag}) is missing: what does the work. Choose {choices}"));
        return None;
    };
    let Some(entry) = PROCESSORS.iter().find(|entry| entry.name == name) else {
        source.error(format!("{variable} is \"{name}\", which is no processor. Choose {}", choices()));
        return None;
    };
    let others = PROCESSORS.iter().filter(|other| other.name != entry.name);
    let unused: Vec<String> = others.flat_map(|other| unused(source, other)).collect();
    let chosen = (entry.build)(source);
    let fits = unused.is_empty();
    unused.into_iter().for_each(|error| source.error(error));
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
fn unused(source: &mut Source, entry: &Entry) -> Vec<String> {
    let set = entry.settings.iter().filter(|s| s.default.is_none() && source.optional(**s).is_some());
    set.map(|setting| {
        let (variable, processor) = (setting.variable(), c::PROCESSOR.variable());
        format!("{variable} is set, but another processor is chosen: set {processor}={}, or unset it", entry.name)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(values: &[(Setting, &str)]) -> Result<&'static str, Vec<String>> {
        let mut source = Source::of(values.iter().copied());
        let chosen = from_settings(&mut source);
        source.finish(chosen).map(|chosen| chosen.name).map_err(|e| e.0)
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
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "ftp://a/")], &["OFFLOAD_HTTP_URL cannot be used"]),
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
