//! A line of a bill.

use serde::Serialize;

use crate::{item::Item, prices::Prices};

/// So much of one item, and what it costs in a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What it is for.
    pub what: String,
    /// The item of the price file.
    pub item: Item,
    /// What it is counted in.
    pub unit: String,
    /// How much of it.
    pub quantity: f64,
    /// What that costs.
    pub dollars: f64,
}

impl Line {
    pub(crate) fn new(prices: &Prices, what: impl Into<String>, item: Item, quantity: f64) -> Self {
        let unit = prices.unit(item).to_owned();
        Self { what: what.into(), item, unit, quantity, dollars: prices.dollars(item, quantity) }
    }
}

pub(crate) fn sum(lines: &[Line]) -> f64 {
    lines.iter().map(|line| line.dollars).sum()
}

/// An amount as a price tag has it: cents below a thousand dollars, and the first digits that are
/// not 0 below a cent.
#[must_use]
pub fn dollars(amount: f64) -> String {
    let digits = match amount.abs() {
        0.0 | 0.005.. => 2,
        0.0005.. => 4,
        _ => 6,
    };
    let text = format!("{:.*}", if amount.abs() >= 1_000.0 { 0 } else { digits }, amount.abs());
    let (whole, part) = text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (n, c) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    let sign = if amount < 0.0 { "-" } else { "" };
    part.map_or_else(|| format!("{sign}${grouped}"), |part| format!("{sign}${grouped}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_like_prices() {
        for (amount, text) in [
            (0.0, "$0.00"),
            (6.2, "$6.20"),
            (0.0012, "$0.0012"),
            (0.000_002, "$0.000002"),
            (999.994, "$999.99"),
            (1_234_567.8, "$1,234,568"),
            (-3.5, "-$3.50"),
        ] {
            assert_eq!(dollars(amount), text);
        }
    }
}
