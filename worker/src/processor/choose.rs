//! Which processor the settings ask for.

use std::{fmt::Display, sync::Arc};

use offload_service::settings::{Errors, ProcessorSettings, Setting, catalogue as c};
use url::Url;

use super::{BuiltIn, CommandProcessor, HttpProcessor, JobDuration, Processor};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    BuiltIn,
    Command,
    Http,
}

/// The processors by their names.
const CHOICES: [(&str, Choice); 3] =
    [("built-in", Choice::BuiltIn), ("command", Choice::Command), ("http", Choice::Http)];

/// The processor that the settings ask for; `None` after an error.
pub fn from_settings(settings: &ProcessorSettings, errors: &mut Errors<'_>) -> Option<Arc<dyn Processor>> {
    let choice = CHOICES.iter().find(|(name, _)| *name == settings.processor).map(|(_, choice)| *choice);
    let duration = settings.job_seconds.parse::<JobDuration>();
    if let Err(e) = &duration {
        errors.refuse(c::JOB_SECONDS, format!("is not a duration: {e}"));
    }
    let Some(choice) = choice else {
        errors.refuse(c::PROCESSOR, format!("is not one of {}", CHOICES.map(|(name, _)| name).join(", ")));
        return None;
    };
    let unused = [
        (c::COMMAND, "command", settings.command.is_some() && choice != Choice::Command),
        (c::HTTP_URL, "http", settings.http_url.is_some() && choice != Choice::Http),
    ];
    for (setting, processor, _) in unused.iter().filter(|(_, _, unused)| *unused) {
        // Without this, whoever names a program and forgets to choose it would have simulated work done for real
        // orders, and every one of them would seem to succeed.
        let (variable, chooser) = (setting.variable(), c::PROCESSOR.variable());
        errors
            .add(format!("{variable} is set, but another processor is chosen: set {chooser}={processor}, or unset it"));
    }
    let processor: Arc<dyn Processor> = match choice {
        Choice::BuiltIn => Arc::new(BuiltIn::new(duration.ok()?)),
        Choice::Command => {
            let command = required(c::COMMAND, settings.command.as_ref(), errors)?;
            let parsed = command.parse::<CommandProcessor>();
            Arc::new(usable(c::COMMAND, parsed, "is not a command that can be run", errors)?)
        }
        Choice::Http => {
            let url = required(c::HTTP_URL, settings.http_url.as_ref(), errors)?;
            let url = usable(c::HTTP_URL, url.parse::<Url>(), "is not an http or https URL", errors)?;
            Arc::new(usable(c::HTTP_URL, HttpProcessor::new(url), "cannot be used", errors)?)
        }
    };
    Some(processor)
}

fn required<T>(setting: Setting, value: Option<T>, errors: &mut Errors<'_>) -> Option<T> {
    if value.is_none() {
        errors.missing(setting);
    }
    value
}

fn usable<T, E: Display>(setting: Setting, value: Result<T, E>, reason: &str, errors: &mut Errors<'_>) -> Option<T> {
    value.map_err(|e| errors.refuse(setting, format!("{reason}: {e}"))).ok()
}

#[cfg(test)]
mod tests {
    use offload_service::settings;

    use super::*;

    fn chosen(values: &[(Setting, &str)]) -> Result<(), Vec<String>> {
        let processor = settings::build_from::<ProcessorSettings, _>(values.iter().copied(), |read, errors| {
            from_settings(&read?, errors)
        });
        processor.map(|_| ()).map_err(|e| e.0)
    }

    #[test]
    fn each_processor_can_be_chosen_by_name() {
        assert_eq!(chosen(&[]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "built-in"), (c::JOB_SECONDS, "exp:2")]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "command"), (c::COMMAND, "sh -c true")]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "http"), (c::HTTP_URL, "http://127.0.0.1:1/work")]), Ok(()));
    }

    #[test]
    fn every_wrong_setting_is_reported() {
        for (values, expected) in [
            (&[(c::PROCESSOR, "shell")][..], &["\"shell\""][..]),
            (&[(c::JOB_SECONDS, "soon")], &["write 2, exp:2"]),
            (&[(c::PROCESSOR, "command")], &["OFFLOAD_COMMAND (or --command) is missing"]),
            (&[(c::PROCESSOR, "command"), (c::COMMAND, "no-such-program-here")], &["not found in PATH"]),
            (&[(c::PROCESSOR, "http")], &["OFFLOAD_HTTP_URL (or --http-url) is missing"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "somewhere")], &["not an http or https URL"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "ftp://a/")], &["which cannot be used"]),
            (&[(c::COMMAND, "sh")], &["set OFFLOAD_PROCESSOR=command"]),
            (
                &[(c::PROCESSOR, "http"), (c::COMMAND, "sh"), (c::HTTP_URL, "x"), (c::JOB_SECONDS, "-1")],
                &["the mean \"-1\"", "OFFLOAD_COMMAND is set", "not an http or https URL"],
            ),
        ] {
            let errors = chosen(values).unwrap_err();
            assert_eq!(errors.len(), expected.len(), "{errors:?}");
            assert!(errors.iter().zip(expected).all(|(e, part)| e.contains(part)), "{errors:?}");
        }
    }
}
