//! Settings: environment variables `OFFLOAD_*`, and flags of the same names, which win.
//!
//! Each is declared once, in [`catalogue`]. The declaration makes the field that holds the value,
//! the entry in the list for flags, variables and `--help`, and the code that reads it, so that a
//! setting that is read is also listed. Every error is reported at once, and an unknown name is
//! one. What is required has no default: without it the program does not start.

pub mod catalogue;
mod declare;
mod errors;
mod flags;
mod group;
mod parser;
mod program;
mod reference;
mod secret_arn;
mod secret_file;
mod setting;
mod source;
#[cfg(test)]
mod tests;

pub use catalogue::{
    ALL, Access, ApiSettings, AuthMethod, AuthSettings, Calls, ConnectionSettings, ConsoleSettings, EtaSettings,
    ForwardedHeader, LimitSettings, LogSettings, MetricLabels, NotificationSettings, NotifierSettings,
    ProcessorSettings, PushSettings, Secret, StoreSettings, WorkerSettings,
};
pub use errors::{Errors, SettingsError};
pub use group::{Group, Groups};
pub use program::{Exit, build_from, from_values, parse, parse_with_arns};
pub use reference::reference_markdown;
pub use secret_arn::{SecretArn, SecretService};
pub use setting::{Kept, Setting};

/// Whether this process is a Lambda function: the runtime sets a variable.
#[must_use]
pub fn in_lambda() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}
