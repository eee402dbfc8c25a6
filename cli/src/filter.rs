//! `--where`: the filter language of operators.

use offload_domain::order_query::OrderQuery;
use offload_service::clock;

use crate::failure::Failure;

/// A filter as it was written: its mistakes are those of the command line.
#[derive(Debug, Clone)]
pub(crate) struct Filter(String);

impl std::str::FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        OrderQuery::parse(text, clock::now()).map(|_| Self(text.to_owned())).map_err(|e| e.to_string())
    }
}

impl Filter {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What it asks for, with ages as of now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn query(&self) -> Result<OrderQuery, Failure> {
        OrderQuery::parse(&self.0, clock::now()).map_err(|e| Failure::Usage(format!("--where: {e}")))
    }
}
