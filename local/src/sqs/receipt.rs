//! Receipt handles: which message, and which of its deliveries. Opaque to clients, and worthless in
//! another queue.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::SqsError;

/// A delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) queue: i64,
    pub(super) message: i64,
    /// A new random number for each receive.
    pub(super) delivery: i64,
}

impl Receipt {
    pub(super) fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode([self.queue, self.message, self.delivery].map(i64::to_be_bytes).concat())
    }

    /// Parses a handle of `queue`.
    pub(super) fn decode(handle: &str, queue: i64) -> Result<Self, SqsError> {
        let bytes = URL_SAFE_NO_PAD.decode(handle).map_err(|_| SqsError::receipt_handle())?;
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at * 8..at * 8 + 8)?.try_into().ok()?));
        match (number(0), number(1), number(2)) {
            (Some(of), Some(message), Some(delivery)) if of == queue && bytes.len() == 24 => {
                Ok(Self { queue, message, delivery })
            }
            _ => Err(SqsError::receipt_handle()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_belongs_to_its_queue() {
        let receipt = Receipt { queue: 7, message: 42, delivery: -3 };
        assert_eq!(Receipt::decode(&receipt.encode(), 7).unwrap(), receipt);
        assert!(Receipt::decode(&receipt.encode(), 8).is_err());
        assert!(Receipt::decode("garbage", 7).is_err());
        assert!(Receipt::decode("", 7).is_err());
    }
}
