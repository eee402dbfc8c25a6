//! How long a process may take to stop.

use std::time::Duration;

use crate::settings::{declare::settings, parser::seconds};

settings! {
    /// How long a process may take to stop.
    pub(super) struct Shutdown in "Shutdown" {
        /// Time from SIGTERM to the end of the process.
        pub(super) grace: Duration = default(SHUTDOWN_GRACE_SECONDS, "25", seconds(1.0..=3_600.0)),
    }
}
