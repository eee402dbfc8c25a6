//! Which attempt at an order writes. Pure.

use std::{fmt, str::FromStr};

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

/// The text is no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt is written as its generation and its number in it, such as 1-2")]
pub struct InvalidFence;

impl FromStr for Fence {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, InvalidFence> {
        let (generation, attempt) = text.split_once('-').ok_or(InvalidFence)?;
        let number = |text: &str| text.parse().ok().filter(|n| *n > 0).ok_or(InvalidFence);
        let fence = Self { generation: number(generation)?, attempt: number(attempt)? };
        if fence.to_string() == text { Ok(fence) } else { Err(InvalidFence) }
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.generation, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_has_one_spelling() {
        assert_eq!("2-13".parse(), Ok(Fence { generation: 2, attempt: 13 }));
        for bad in ["", "1", "1-0", "0-1", "1-", "-1", "01-1", "1-+1", "1-1-1", " 1-1", "1-4294967296"] {
            assert_eq!(bad.parse::<Fence>(), Err(InvalidFence), "{bad}");
        }
    }
}
