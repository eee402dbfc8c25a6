//! What is limited, and how much of it there may be.

/// What is limited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// What is limited, and whose, in words.
    pub(crate) what: &'static str,
    /// The name by which clients read of it.
    pub(crate) policy: &'static str,
    /// What is counted, if it is not requests.
    pub(crate) unit: Option<&'static str>,
    /// `None` for no limit.
    pub(crate) per_second: Option<u32>,
}
