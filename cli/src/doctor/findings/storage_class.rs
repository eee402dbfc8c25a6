//! What an object costs in each storage class, by the dated file beside this one.

/// Seconds, days and months are AWS's: a month has 30 days where storage is billed by the day.
const DAYS_OF_MONTH: f64 = 30.0;
const GB: f64 = 1_073_741_824.0;

const FILE: &str = include_str!("storage_classes.csv");

/// A storage class of S3.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StorageClass {
    pub(super) name: String,
    usd_per_gb_month: f64,
    usd_per_million_transitions: f64,
    /// Fewer days and bytes are billed as so many.
    least_days: f64,
    least_bytes: f64,
    /// What is kept of each object beside its bytes.
    more_bytes: f64,
}

impl StorageClass {
    /// The class of this name, if the file has it.
    pub(super) fn named(name: &str) -> Option<Self> {
        FILE.lines().skip(1).map(Self::of_row).find(|class| class.name == name)
    }

    /// Dollars for an object that is moved into the class and stays so long.
    pub(super) fn cost(&self, bytes: u64, days: u32) -> f64 {
        let billed = (bytes as f64).max(self.least_bytes) + self.more_bytes;
        let months = f64::from(days).max(self.least_days) / DAYS_OF_MONTH;
        billed / GB * self.usd_per_gb_month * months + self.usd_per_million_transitions / 1e6
    }

    fn of_row(row: &str) -> Self {
        let cells: Vec<&str> = row.split(',').collect();
        let number = |at: usize| cells[at].parse().expect("a test reads every row");
        Self {
            name: cells[0].to_owned(),
            usd_per_gb_month: number(1),
            usd_per_million_transitions: number(2),
            least_days: number(3),
            least_bytes: number(4),
            more_bytes: number(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_price_a_source_and_a_date() {
        for row in FILE.lines().skip(1) {
            StorageClass::of_row(row);
            let cells: Vec<&str> = row.split(',').collect();
            assert!(cells.len() == 9 && cells[7].starts_with("https://") && cells[8].len() == 10, "{row}");
        }
    }

    #[test]
    fn a_million_objects_of_four_kilobytes_cost_what_the_readme_of_terraform_says() {
        let of = |name: &str| 1e6 * StorageClass::named(name).unwrap().cost(4_096, 20);
        assert!((0.05..0.07).contains(&of("STANDARD")), "{}", of("STANDARD"));
        assert!((11.4..11.8).contains(&of("STANDARD_IA")), "{}", of("STANDARD_IA"));
        assert!((50.1..50.4).contains(&of("DEEP_ARCHIVE")), "{}", of("DEEP_ARCHIVE"));
    }
}
