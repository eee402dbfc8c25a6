//! Which processor the settings ask for.

use std::sync::Arc;

use offload_service::settings::{Setting, Source, catalogue as c};
use url::Url;

use super::{BuiltIn, CommandProcessor, HttpProcessor, JobDuration, Processor};

/// The settings that [`from_settings`] reads.
pub const SETTINGS: &[Setting] = &[c::PROCESSOR, c::COMMAND, c::HTTP_URL, c::JOB_SECONDS];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    BuiltIn,
    Command,
    Http,
}

/// The processor that the settings ask for. What is wrong is noted in the source.
pub fn from_settings(source: &mut Source) -> Option<Arc<dyn Processor>> {
    let choices = [("built-in", Choice::BuiltIn), ("command", Choice::Command), ("http", Choice::Http)];
    let choice = source.choice(c::PROCESSOR, &choices);
    let duration = source.read::<JobDuration>(c::JOB_SECONDS, "a duration");
    let choice = choice?;
    let fits = unused(source, c::COMMAND, "command", choice == Choice::Command)
        & unused(source, c::HTTP_URL, "http", choice == Choice::Http);
    let processor: Arc<dyn Processor> = match choice {
        Choice::BuiltIn => Arc::new(BuiltIn::new(duration?)),
        Choice::Command => Arc::new(source.read::<CommandProcessor>(c::COMMAND, "a command that can be run")?),
        Choice::Http => Arc::new(http(source)?),
    };
    (fits && duration.is_some()).then_some(processor)
}

/// Whether a setting is used or not set. Somebody who names a program and forgets to choose it would have simulated work
/// done for real orders, and every one of them would seem to succeed.
fn unused(source: &mut Source, setting: Setting, processor: &str, used: bool) -> bool {
    let fits = used || source.optional(setting).is_none();
    if !fits {
        let (variable, chooser) = (setting.variable(), c::PROCESSOR.variable());
        source.error(format!(
            "{variable} is set, but another processor is chosen: set {chooser}={processor}, or unset it"
        ));
    }
    fits
}

fn http(source: &mut Source) -> Option<HttpProcessor> {
    let url = source.read::<Url>(c::HTTP_URL, "an http or https URL")?;
    match HttpProcessor::new(url) {
        Ok(processor) => Some(processor),
        Err(error) => {
            source.error(format!("{} cannot be used: {error}", c::HTTP_URL.variable()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(values: &[(Setting, &str)]) -> Result<(), Vec<String>> {
        let mut source = Source::of(values.iter().copied());
        let processor = from_settings(&mut source);
        source.finish(processor).map(|_| ()).map_err(|e| e.0)
    }

    #[test]
    fn each_processor_can_be_chosen_by_name() {
        assert_eq!(chosen(&[]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "built-in"), (c::JOB_SECONDS, "exp:2")]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "command"), (c::COMMAND, "sh -c true")]), Ok(()));
        assert_eq!(chosen(&[(c::PROCESSOR, "http"), (c::HTTP_URL, "http://127.0.0.1:1/work")]), Ok(()));
    }

    #[test]
    fn every_wrong_setting_is_told() {
        for (values, expected) in [
            (&[(c::PROCESSOR, "shell")][..], &["\"shell\""][..]),
            (&[(c::JOB_SECONDS, "soon")], &["write 2, exp:2"]),
            (&[(c::PROCESSOR, "command")], &["OFFLOAD_COMMAND (or --command) is missing"]),
            (&[(c::PROCESSOR, "command"), (c::COMMAND, "no-such-program-here")], &["not found in PATH"]),
            (&[(c::PROCESSOR, "http")], &["OFFLOAD_HTTP_URL (or --http-url) is missing"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "somewhere")], &["not an http or https URL"]),
            (&[(c::PROCESSOR, "http"), (c::HTTP_URL, "ftp://a/")], &["OFFLOAD_HTTP_URL cannot be used"]),
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
