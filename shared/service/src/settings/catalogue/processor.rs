//! What does the work of an order.

use crate::settings::{declare::settings, parser::text};

settings! {
    /// What does the work of an order. The worker knows the processors and checks the texts.
    #[derive(Debug, Clone)]
    pub struct ProcessorSettings in "Processor" {
        /// Name of the processor that does the work. Without one, the error lists the names.
        pub processor: Option<String> = required_elsewhere(PROCESSOR, text),

        /// For the processor command: program and arguments, split at white space, or a JSON array
        /// of strings.
        pub command: Option<String> = optional(COMMAND, text),

        /// For the processor http: the URL that orders are POSTed to.
        pub http_url: Option<String> = optional(HTTP_URL, text),

        /// Duration of simulated work in seconds: 2, exp:2, or lognormal:2:0.5 (mean and
        /// coefficient of variation).
        pub job_seconds: String = default(JOB_SECONDS, "lognormal:2:0.5", text),
    }
}
