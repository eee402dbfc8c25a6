//! The console: the web page of operators, and its key.

use offload_domain::console_key::ConsoleKeys;

use crate::settings::{
    declare::settings,
    parser::{one_of, usable},
};

settings! {
    /// The console: the web page of operators, and its key.
    #[derive(Debug, Clone)]
    pub struct ConsoleSettings in "Console" {
        /// Whether the api serves the console, a web page for operators, at /: on or off.
        pub on: bool = default(CONSOLE, "off", one_of(&[("on", true), ("off", false)])),

        /// Key of at least 32 bytes that opens the console, with the role admin. Several, separated
        /// by commas, while it is being replaced.
        pub keys: Option<ConsoleKeys> = optional(secret CONSOLE_KEY, usable(ConsoleKeys::parse)),

        /// What the console calls this deployment, such as production: up to 30 of A-Z a-z 0-9 . _
        /// - and spaces.
        pub environment: Option<String> = optional(ENVIRONMENT, environment),
    }
}

fn environment(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ');
    let fits = !text.is_empty() && text.len() <= 30 && text.chars().all(allowed);
    if fits { Ok(text.to_owned()) } else { Err("is not 1 to 30 of A-Z a-z 0-9 . _ - and spaces".to_owned()) }
}
