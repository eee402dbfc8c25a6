//! Which attempt at an order writes. Pure.

use std::fmt;

/// The fencing token of an attempt, such as `1-3`: generation and attempt. No two attempts at one
/// order have the same token, and a later one has a greater token.
///
/// Work with effects outside passes it on, so that the receiver can refuse what an earlier attempt
/// sends late. <https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// The order's generation: 1, and one more with each redrive.
    pub generation: u32,
    /// The attempt within it, from 1.
    pub attempt: u32,
}

/// That of an order that nobody has started.
impl Default for Fence {
    fn default() -> Self {
        Self { generation: 1, attempt: 0 }
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.generation, self.attempt)
    }
}
