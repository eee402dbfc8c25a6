//! The price file, and the prices of one region at one date.
//!
//! A row is what AWS asked in a region from its date on. Prices that fall with the quantity have a
//! row for each step, with the quantity of a month from which it holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::item::Item;

/// Seconds of a month, as AWS counts them: 730 hours.
pub const MONTH_SECONDS: f64 = 730.0 * 3_600.0;

/// The file that the crate is built with.
const BUILT_IN: &str = include_str!("../prices.csv");

/// Why a price file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// A row is not one.
    #[error("{0}")]
    Row(String),
    /// A region without a price.
    #[error("there is no price of {item} in {region} on {date}; the file has {regions}")]
    Missing {
        /// The item's name in the file.
        item: String,
        /// The region asked for.
        region: String,
        /// The date asked for.
        date: String,
        /// What there is.
        regions: String,
    },
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    service: String,
    item: Item,
    region: String,
    price: f64,
    per: f64,
    unit: String,
    from: f64,
    source: String,
    date: String,
}

/// A price file.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceList {
    rows: Vec<Row>,
}

impl PriceList {
    /// The file that this program was built with.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test reads it")
    }

    /// Reads a file: CSV with the columns of `shared/cost/prices.csv`.
    ///
    /// # Errors
    /// [`PriceError::Row`] with the line that cannot be used, and why.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rows = Vec::new();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        for row in reader.deserialize::<Row>() {
            let row = row.map_err(|e| PriceError::Row(reason(&e)))?;
            let line = rows.len() + 2;
            let wrong = |what: &str| PriceError::Row(format!("line {line}: {what}"));
            if !(row.price.is_finite() && row.price >= 0.0) {
                return Err(wrong("price must be a number, and not below 0"));
            }
            if !(row.per.is_finite() && row.per > 0.0) {
                return Err(wrong("per must be a number above 0"));
            }
            if !(row.from.is_finite() && row.from >= 0.0) {
                return Err(wrong("from must be a number, and not below 0"));
            }
            if row.date.parse::<chrono::NaiveDate>().is_err() {
                return Err(wrong("date must be like 2026-11-30"));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(PriceError::Row("the file has no row".to_owned()));
        }
        Ok(Self { rows })
    }

    /// The same with the rows of another file, which take the place of those of the same item and
    /// region.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.rows.retain(|row| !other.rows.iter().any(|o| o.item == row.item && o.region == row.region));
        self.rows.extend(other.rows);
        self
    }

    /// The prices of a region as they were on a date, such as `2026-11-30`; without one, the
    /// newest.
    ///
    /// # Errors
    /// [`PriceError::Missing`] if an item has no price by then.
    pub fn of(&self, region: &str, date: Option<&str>) -> Result<Prices, PriceError> {
        let prices = self.some_of(region, date);
        match Item::ALL.into_iter().find(|item| !prices.items.contains_key(item)) {
            None => Ok(prices),
            Some(item) => {
                let mut regions: Vec<&str> = self.rows.iter().map(|row| row.region.as_str()).collect();
                regions.sort_unstable();
                regions.dedup();
                Err(PriceError::Missing {
                    item: name(item),
                    region: region.to_owned(),
                    date: date.unwrap_or("any date").to_owned(),
                    regions: regions.join(", "),
                })
            }
        }
    }

    /// The same with what there is.
    pub(crate) fn some_of(&self, region: &str, date: Option<&str>) -> Prices {
        let mut items: BTreeMap<Item, Vec<Row>> = BTreeMap::new();
        let known = self.rows.iter().filter(|row| row.region == region && date.is_none_or(|date| *row.date <= *date));
        for row in known {
            let rows = items.entry(row.item).or_default();
            match rows.first().map(|first| first.date.cmp(&row.date)) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Less) => *rows = vec![row.clone()],
                Some(std::cmp::Ordering::Equal) | None => rows.push(row.clone()),
            }
        }
        for rows in items.values_mut() {
            rows.sort_by(|a, b| a.from.total_cmp(&b.from));
        }
        let dates = items.values().flatten().map(|row| row.date.as_str());
        let (oldest, newest) = (dates.clone().min().unwrap_or_default(), dates.max().unwrap_or_default());
        let (oldest, newest) = (oldest.to_owned(), newest.to_owned());
        Prices { region: region.to_owned(), oldest, newest, items }
    }
}

/// What one region asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// The region.
    pub region: String,
    /// The date of the oldest price.
    pub oldest: String,
    /// The date of the newest.
    pub newest: String,
    items: BTreeMap<Item, Vec<Row>>,
}

impl Prices {
    /// What so much of an item costs in a month.
    #[must_use]
    pub fn dollars(&self, item: Item, quantity: f64) -> f64 {
        let rows = self.items.get(&item).map(Vec::as_slice).unwrap_or_default();
        let steps = rows.iter().enumerate().map(|(n, row)| {
            let end = rows.get(n + 1).map_or(f64::INFINITY, |next| next.from);
            (quantity.min(end) - row.from).max(0.0) * row.price / row.per
        });
        steps.sum()
    }

    /// The first price of an item, and what it is for: `$5.00 per million requests`.
    #[must_use]
    pub fn text(&self, item: Item) -> String {
        let Some(row) = self.items.get(&item).and_then(|rows| rows.first()) else { return String::new() };
        let per = if row.per >= 1e6 { format!("million {}s", row.unit) } else { row.unit.clone() };
        let digits = if row.price < 0.001 {
            10
        } else if row.price < 0.1 {
            5
        } else {
            4
        };
        let price = format!("{:.digits$}", row.price);
        let (whole, part) = price.split_once('.').unwrap_or((&price, ""));
        format!("${whole}.{:0<2} per {per}", part.trim_end_matches('0'))
    }

    /// What an item is counted in.
    pub(crate) fn unit(&self, item: Item) -> &str {
        self.items.get(&item).and_then(|rows| rows.first()).map_or("", |row| &row.unit)
    }

    /// Where an item's price is from.
    #[must_use]
    pub fn source(&self, item: Item) -> (&str, &str) {
        let row = self.items.get(&item).and_then(|rows| rows.first());
        row.map_or(("", ""), |row| (row.source.as_str(), row.date.as_str()))
    }
}

/// An item as the file names it.
fn name(item: Item) -> String {
    // By its own text in the file, so that there is one list of names.
    let words = format!("{item:?}");
    let mut name = String::new();
    for (n, c) in words.chars().enumerate() {
        if c.is_ascii_uppercase() && n > 0 {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn reason(e: &csv::Error) -> String {
    let line = e.position().map_or(1, csv::Position::line);
    let what = match e.kind() {
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) => {
                let columns = ["service", "item", "region", "price", "per", "unit", "from", "source", "date"];
                let column = usize::try_from(field).ok().and_then(|n| columns.get(n)).unwrap_or(&"a column");
                format!("{column}: {}", err.kind())
            }
            None => err.kind().to_string(),
        },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} columns in place of {expected_len}"),
        _ => e.to_string(),
    };
    format!("line {line}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "service,item,region,price,per,unit,from,source,date\n";

    #[test]
    fn both_regions_have_every_price_and_each_has_a_source_and_a_date() {
        let list = PriceList::built_in();
        for region in ["eu-west-1", "us-east-1"] {
            let prices = list.of(region, None).expect(region);
            for item in Item::ALL {
                let (source, date) = prices.source(item);
                assert!(source.starts_with("https://aws.amazon.com/") && date >= "2026", "{region} {item:?}");
                assert!(prices.dollars(item, 1.0) > 0.0, "{region} {item:?}");
            }
        }
    }

    #[test]
    fn a_price_that_falls_with_the_quantity_is_asked_step_by_step() {
        let prices = PriceList::built_in().of("us-east-1", None).unwrap();
        assert!((prices.dollars(Item::HttpApiRequest, 300e6) - 300.0).abs() < 1e-6);
        assert!((prices.dollars(Item::HttpApiRequest, 1_000e6) - (300.0 + 630.0)).abs() < 1e-6);
        assert_eq!(prices.text(Item::HttpApiRequest), "$1.00 per million requests");
        assert_eq!(prices.text(Item::S3Storage), "$0.023 per GB-month");
        assert_eq!(prices.text(Item::LambdaSecondX86), "$0.0000166667 per GB-second");
    }

    #[test]
    fn prices_are_those_of_a_date() {
        let list = PriceList::built_in();
        let read = |date| list.some_of("eu-west-1", date).dollars(Item::DynamodbRead, 1e6);
        assert!((read(Some("2021-12-31")) - 0.283).abs() < 1e-9 && (read(None) - 0.1415).abs() < 1e-9);
        let error = list.of("eu-west-1", Some("2021-12-31")).unwrap_err().to_string();
        assert!(error.contains("http-api-request in eu-west-1 on 2021-12-31"), "{error}");
        let error = list.of("mars-1", None).unwrap_err().to_string();
        assert!(error.contains("s3-put in mars-1") && error.contains("eu-west-1, us-east-1"), "{error}");
    }

    #[test]
    fn prices_of_your_own_take_the_place_of_those_of_the_file() {
        let own = PriceList::parse(&format!("{HEAD}s3,s3-put,eu-west-1,4.00,1000000,request,0,contract,2026-01-01\n"));
        let prices = PriceList::built_in().with(own.unwrap()).of("eu-west-1", None).unwrap();
        assert!((prices.dollars(Item::S3Put, 1e6) - 4.0).abs() < 1e-9);
        assert!((prices.dollars(Item::S3Get, 1e6) - 0.4).abs() < 1e-9);
    }

    #[test]
    fn a_row_that_cannot_be_used_is_named_with_its_line() {
        let row = |row: &str| PriceList::parse(&format!("{HEAD}{row}\n")).unwrap_err().to_string();
        for (bad, why) in [
            ("s3,s3-post,eu-west-1,5,1000000,request,0,u,2026-01-01", "line 2: unknown variant `s3-post`"),
            ("s3,s3-put,eu-west-1,five,1000000,request,0,u,2026-01-01", "line 2: price: invalid float literal"),
            ("s3,s3-put,eu-west-1,-5,1000000,request,0,u,2026-01-01", "line 2: price must be"),
            ("s3,s3-put,eu-west-1,NaN,1000000,request,0,u,2026-01-01", "line 2: price must be"),
            ("s3,s3-put,eu-west-1,5,0,request,0,u,2026-01-01", "line 2: per must be"),
            ("s3,s3-put,eu-west-1,5,1000000,request,-1,u,2026-01-01", "line 2: from must be"),
            ("s3,s3-put,eu-west-1,5,1000000,request,0,u,yesterday", "line 2: date must be"),
            ("s3,s3-put", "line 2: 2 columns"),
        ] {
            let error = row(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(PriceList::parse("").is_err());
    }

    #[test]
    fn errors_name_an_item_as_the_file_does() {
        for item in Item::ALL {
            let json = serde_json::to_value(item).unwrap();
            assert_eq!(json.as_str().unwrap(), name(item));
        }
    }
}
