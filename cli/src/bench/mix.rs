//! The orders that a load test submits.

use std::str::FromStr;

use offload_domain::json::text_without_mark;
use serde_json::value::RawValue;

use crate::failure::Failure;

/// An order of the built-in schema.
const USUAL: &str = r#"{"kind":"fulfilment","items":[{"sku":"A-1","quantity":2}]}"#;

/// One kind of order, as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    parts: u32,
    order: String,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write it as PARTS:ORDER, such as 3:@small.json; PARTS is 1 to 1000".to_owned();
        let (parts, order) = text.split_once(':').ok_or_else(wrong)?;
        let parts = parts.trim().parse().ok().filter(|parts| (1..=1_000).contains(parts)).ok_or_else(wrong)?;
        Ok(Self { parts, order: order.to_owned() })
    }
}

/// Kinds of orders, each as often as its parts say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mix {
    parts: Vec<(u32, String)>,
}

impl Mix {
    /// Reads the orders. Whether the service takes them it says itself.
    ///
    /// # Errors
    /// If an order cannot be read or is not JSON.
    pub(super) fn of(parts: &[Part]) -> Result<Self, Failure> {
        if parts.is_empty() {
            return Ok(Self { parts: vec![(1, USUAL.to_owned())] });
        }
        let read = |Part { parts, order }: &Part| {
            let text = match order.strip_prefix('@') {
                None => order.clone(),
                Some(file) => std::fs::read_to_string(file)
                    .map_err(|e| Failure::Usage(format!("cannot read the order from {file}: {e}")))?,
            };
            let json: &RawValue = serde_json::from_str(text_without_mark(&text))
                .map_err(|e| Failure::Usage(format!("the order {order} is not JSON: {e}")))?;
            Ok((*parts, json.get().to_owned()))
        };
        Ok(Self { parts: parts.iter().map(read).collect::<Result<_, Failure>>()? })
    }

    /// The order of a place: the parts in turn, so that a run of any length has the mix.
    pub(super) fn order(&self, place: u32) -> &str {
        let all: u32 = self.parts.iter().map(|(parts, _)| parts).sum();
        let mut left = place % all.max(1);
        for (parts, order) in &self.parts {
            match left.checked_sub(*parts) {
                None => return order,
                Some(rest) => left = rest,
            }
        }
        USUAL
    }

    /// Bytes of an order, on average.
    pub(super) fn bytes(&self) -> f64 {
        let all: u32 = self.parts.iter().map(|(parts, _)| parts).sum();
        self.parts.iter().map(|(parts, order)| f64::from(*parts) * order.len() as f64).sum::<f64>()
            / f64::from(all.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_comes_as_often_as_its_parts_say() {
        let parts = [r#"3:{"n": 1}"#, "1:{\"n\":2}"].map(|text| text.parse::<Part>().unwrap());
        let mix = Mix::of(&parts).unwrap();
        let orders: Vec<&str> = (0..8).map(|place| mix.order(place)).collect();
        let (a, b) = (r#"{"n": 1}"#, r#"{"n":2}"#);
        assert_eq!(orders, [a, a, a, b, a, a, a, b], "as they are written");
        assert!((mix.bytes() - 7.75).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for bad in ["{}", "0:{}", "x:{}", "-1:{}", "1001:{}"] {
            assert!(bad.parse::<Part>().is_err(), "{bad}");
        }
        let part = |text: &str| Mix::of(&[text.parse::<Part>().unwrap()]).unwrap_err().to_string();
        assert!(part("1:{").contains("is not JSON"), "{}", part("1:{"));
        assert!(part("1:@/nonexistent.json").contains("cannot read the order from /nonexistent.json"));
    }
}
