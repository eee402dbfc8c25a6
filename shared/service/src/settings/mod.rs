//! Settings: environment variables `OFFLOAD_*`, and flags of the same names, which win.
//!
//! Every error is collected and told at once, an unknown name is an error, and nothing required has a default: a
//! missing setting stops the start instead of choosing something.

pub mod catalogue;
mod groups;
mod source;

pub use catalogue::{ALL, Setting};
pub use groups::{
    Access, ApiSettings, EtaSettings, NotificationSettings, NotifierSettings, PushSettings, Secret, StoreSettings,
    WorkerSettings,
};
pub use source::{Exit, SettingsError, Source, parse};

/// Whether this process is a Lambda function: its runtime says so itself.
#[must_use]
pub fn in_lambda() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}
