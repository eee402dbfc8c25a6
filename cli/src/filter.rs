//! `--where`: the filter language of operators.

use offload_domain::{order::OrderRecord, order_list::Cursor, order_query::OrderQuery, tenant::Tenant};
use offload_service::clock;
use offload_stores::Stores;

use crate::{failure::Failure, render::count, stores::unreachable};

/// A filter as it was written: its mistakes are those of the command line.
#[derive(Debug, Clone)]
pub(crate) struct Filter(String);

impl std::str::FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        OrderQuery::parse(text, &Tenant::default(), clock::now())
            .map(|_| Self(text.to_owned()))
            .map_err(|e| e.to_string())
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
        OrderQuery::parse(&self.0, &Tenant::default(), clock::now())
            .map_err(|e| Failure::Usage(format!("--where: {e}")))
    }
}

/// The orders that a filter selects.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) orders: Vec<OrderRecord>,
    /// Entries of the index that were searched for them.
    pub(crate) searched: usize,
    /// Where to go on, as `--after`, if there may be more.
    pub(crate) next: Option<String>,
}

/// Finds orders: `limit` of them at most, behind an earlier end.
///
/// # Errors
/// If `after` is no end of a list of this state, or a call fails.
pub(crate) async fn find(
    stores: &Stores,
    query: &OrderQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Found, Failure> {
    if let Some(single) = &query.single {
        let found = stores.orders.find_single(single).await.map_err(unreachable)?;
        let orders = found.into_iter().filter(|record| query.admits_single(record)).collect();
        return Ok(Found { orders, searched: 1, next: None });
    }
    let filter = &query.filter;
    let mut next = Some(match after {
        Some(text) => Cursor::parse(text, filter).map_err(|e| Failure::Usage(format!("--after is {e}")))?,
        None => Cursor::start(filter),
    });
    let (mut orders, mut searched) = (Vec::new(), 0);
    while let Some(from) = next.filter(|_| orders.len() < limit) {
        let page = stores.orders.list(filter, from, limit - orders.len()).await.map_err(unreachable)?;
        orders.extend(page.records);
        (searched, next) = (searched + page.searched, page.next);
    }
    Ok(Found { orders, searched, next: next.map(|cursor| cursor.text()) })
}

impl Found {
    /// The last line of a list: how many there are of what was searched, and how to go on.
    pub(crate) fn summary(&self) -> String {
        let found = count(self.orders.len() as u64, "order");
        let more = self.next.as_ref().map(|next| format!("; more with --after {next}")).unwrap_or_default();
        format!("{found} of {} searched{more}", self.searched)
    }
}
