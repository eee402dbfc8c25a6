//! What is logged, and how.

use tracing_subscriber::EnvFilter;

use crate::settings::{declare::settings, parser::one_of};

settings! {
    /// What is logged, and how.
    #[derive(Debug, Clone)]
    pub struct LogSettings in "Log" {
        /// What is logged, as tracing directives, such as info or info,offload_worker=debug.
        pub filter: String = default(LOG, "info", filter),

        /// How it is logged: json (one object a line) or text (for people).
        pub json: bool = default(LOG_FORMAT, "json", one_of(&[("json", true), ("text", false)])),
    }
}

fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(e) => Err(format!("is not a filter: {e}")),
    }
}
