//! What does the work of an order.

use crate::settings::{declare::settings, parser::text};

settings! {
    /// What does the work of an order. The worker has the list of processors and checks the texts.
    #[derive(Debug, Clone)]
    pub struct ProcessorSettings in "Processor" {
        /// What does the work, by the name of its processor. Without one, the error names them all.
        pub processor: String = required(PROCESSOR, text),

        /// For the processor command: program and arguments, split at white space, or a JSON array
        /// of strings.
        pub command: Option<String> = optional(COMMAND, text),

        /// For the processor command: variables that the program gets beside PATH, HOME, the
        /// language and the like, separated by commas, such as SHOP_URL,SMTP_*.
        pub command_env: Option<String> = optional(COMMAND_ENV, text),

        /// For the processor http: the URL that orders are POSTed to.
        pub http_url: Option<String> = optional(HTTP_URL, text),

        /// For the processor demo: duration of simulated work in seconds: 2, exp:2, or
        /// lognormal:2:0.5 (mean and coefficient of variation).
        pub job_seconds: String = default(JOB_SECONDS, "lognormal:2:0.5", text),
    }
}
