//! The table of the article that this service starts from, line by line: Ireland in 2021, 100,000
//! orders whose clients poll ten times each. Its totals are the sums of rounded lines.

use serde::Serialize;

use crate::{
    item::Item,
    prices::{PriceList, Prices},
};

const ORDERS: f64 = 100_000.0;
const POLLS: f64 = 10.0 * ORDERS;
const REGION: &str = "eu-west-1";
const DATE: &str = "2021-12-31";

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArticleLine {
    /// What it is for.
    pub what: &'static str,
    /// How it is made of quantity and price.
    pub how: String,
    /// As computed.
    pub exact: f64,
    /// In whole cents, as the article has it.
    pub cents: u32,
}

/// The table, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Article {
    /// Polls that an API answers.
    pub api: Vec<ArticleLine>,
    /// Polls that S3 answers.
    pub s3: Vec<ArticleLine>,
    /// The worker's overwrite of each status object.
    pub overwrite: ArticleLine,
    /// The egress of the polls, at 10 KB each, which both sides have.
    pub egress: ArticleLine,
    /// What else it leaves out.
    pub left_out: Vec<&'static str>,
}

impl Article {
    /// The table by the prices of its time. Egress has the newest price.
    #[must_use]
    pub fn of(list: &PriceList) -> Self {
        let then = list.some_of(REGION, Some(DATE));
        let now = list.some_of(REGION, None);
        let line = |prices: &Prices, what, how: &str, item, quantity| {
            let exact = prices.dollars(item, quantity);
            ArticleLine { what, how: format!("{how} at {}", prices.text(item)), exact, cents: cents(exact) }
        };
        let polls = "1,000,000 polls";
        let objects = "100,000 objects";
        Self {
            api: vec![
                line(&then, "API Gateway, REST", polls, Item::RestApiRequest, POLLS),
                line(&then, "Lambda, time", "1,000,000 x 0.5 s x 0.25 GB", Item::LambdaSecondX86, POLLS * 0.5 * 0.25),
                line(&then, "Lambda, invocations", polls, Item::LambdaRequest, POLLS),
                line(&then, "DynamoDB, reads", "1,000,000 x 1.5 units (10 KB)", Item::DynamodbRead, POLLS * 1.5),
            ],
            s3: vec![
                line(&then, "S3, storage", "100,000 x 10 KB, which is 1 GB", Item::S3Storage, 1.0),
                line(&then, "S3, PUTs", objects, Item::S3Put, ORDERS),
                line(&then, "S3, GETs", polls, Item::S3Get, POLLS),
            ],
            overwrite: line(&then, "the worker's overwrite", objects, Item::S3Put, ORDERS),
            egress: line(&now, "egress", "1,000,000 x 10 KB, which is 10 GB", Item::Egress, 10.0),
            left_out: vec![
                "egress to the internet, which both sides have: as much again as S3's 0.92 USD",
                "the requests by which 100,000 orders are submitted, and all that they set off: both sides have them",
                "DynamoDB on demand costs half since November 2024, and an API need not be REST, 256 MB and 500 ms: see \
                 what `offload cost` says of a lean one",
            ],
        }
    }

    /// The total of lines as the article makes it: of rounded lines, in cents.
    #[must_use]
    pub fn total(lines: &[ArticleLine]) -> u32 {
        lines.iter().map(|line| line.cents).sum()
    }

    /// The total of lines before any is rounded.
    #[must_use]
    pub fn exact(lines: &[ArticleLine]) -> f64 {
        lines.iter().map(|line| line.exact).sum()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some dollars")]
fn cents(dollars: f64) -> u32 {
    (100.0 * dollars).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_articles_table_to_the_cent() {
        let article = Article::of(&PriceList::built_in());
        let of = |lines: &[ArticleLine]| lines.iter().map(|line| line.cents).collect::<Vec<_>>();
        assert_eq!(of(&article.api), [350, 208, 20, 42]);
        assert_eq!(Article::total(&article.api), 620);
        assert_eq!(of(&article.s3), [2, 50, 40]);
        assert_eq!(Article::total(&article.s3), 92);
        assert_eq!(Article::total(&article.s3) + article.overwrite.cents, 142);
    }

    #[test]
    fn its_total_is_the_sum_of_rounded_lines() {
        let article = Article::of(&PriceList::built_in());
        let exact = Article::exact(&article.api);
        assert!((exact - 6.2078).abs() < 5e-5, "{exact}");
        assert_eq!(cents(exact), 621, "the sum, rounded once, is another cent");
        assert_eq!(Article::total(&article.api), 620);
    }
}
