//! Flags: clap reads them and writes `--help`.

use std::ffi::OsString;

use clap::{
    Arg, Command,
    error::{ContextKind, ErrorKind},
};

use super::{
    Kept, Setting,
    source::{Source, did_you_mean},
};

const AFTER_HELP: &str = "AWS credentials, region and endpoints are read as by every AWS SDK: \
    AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_S3, ...";

/// The command line of a program with these settings.
pub(super) fn command(program: &'static str, about: &'static str, settings: &[Setting]) -> Command {
    let flag = |setting: &Setting| {
        let note = match setting.default {
            Some(default) => format!(" [default: {default}]"),
            None if setting.required => " [required]".to_owned(),
            None => String::new(),
        };
        let help = format!("{}{note} [env: {}]", setting.help, setting.variable());
        Arg::new(setting.constant).long(setting.name()).value_name("VALUE").help(help)
    };
    let kept_flag = |setting: &Setting, kept: Kept| {
        let (value, what) = match kept {
            Kept::File => ("PATH", "File that contains"),
            Kept::Arn => ("ARN", "Parameter of SSM, or secret of Secrets Manager, that contains"),
        };
        let help = format!(
            "{what} the value of {}, which every user of this machine can read from a command line [env: {}]",
            setting.name(),
            setting.variable_of(kept)
        );
        Arg::new(setting.id_of(kept)).long(setting.name_of(kept)).value_name(value).help(help)
    };
    let flags = settings.iter().flat_map(|s| {
        let kept = Kept::ALL.into_iter().filter(|_| s.secret).map(move |k| kept_flag(s, k));
        std::iter::once(flag(s)).chain(kept)
    });
    Command::new(program).about(about).version(env!("CARGO_PKG_VERSION")).args(flags).after_help(AFTER_HELP)
}

impl Source {
    /// Takes the values of flags. The text of `--help` or `--version` if one of them is among the
    /// arguments.
    ///
    /// clap stops at the first argument that it does not know. To report every one, each is taken
    /// out and the rest read again.
    pub(super) fn set_flags(&mut self, command: &Command, mut args: Vec<OsString>) -> Option<String> {
        let matches = loop {
            let error = match command.clone().try_get_matches_from(&args) {
                Ok(matches) => break matches,
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Some(error.to_string()),
                ErrorKind::UnknownArgument => {
                    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
                    let flag = argument.split([' ', '=']).next().unwrap_or_default();
                    let hint = did_you_mean(flag, self.settings().iter().map(|s| format!("--{}", s.name())));
                    self.error(format!("{flag} is not a setting{hint} (--help lists them)"));
                    if !take_out(&mut args, flag) {
                        return None;
                    }
                }
                _ => {
                    let message = error.to_string();
                    self.error(message.lines().next().unwrap_or_default().replace("error: ", ""));
                    return None;
                }
            }
        };
        for setting in self.settings().to_vec() {
            if let Some(text) = matches.get_one::<String>(setting.constant) {
                self.set(setting, text.clone(), format!("--{}", setting.name()));
            }
            for kept in Kept::ALL.into_iter().filter(|_| setting.secret) {
                if let Some(text) = matches.get_one::<String>(&setting.id_of(kept)) {
                    self.set_kept(setting, kept, text.clone(), format!("--{}", setting.name_of(kept)));
                }
            }
        }
        None
    }
}

/// Takes an unknown flag out of the arguments, with its value if that is an argument of its own.
fn take_out(args: &mut Vec<OsString>, flag: &str) -> bool {
    let text = |arg: &OsString| arg.to_string_lossy().into_owned();
    // `--flag`, `--flag=value`, or the first letter of a group of short flags.
    let is_it = |arg: &str| arg.split('=').next() == Some(flag) || (!flag.starts_with("--") && arg.starts_with(flag));
    // The first argument is the program's name.
    let Some(at) = args.iter().skip(1).position(|arg| is_it(&text(arg))).map(|at| at + 1) else {
        return false;
    };
    let has_value = text(&args.remove(at)).contains('=');
    if !has_value && args.get(at).is_some_and(|next| !text(next).starts_with('-')) {
        args.remove(at);
    }
    true
}
