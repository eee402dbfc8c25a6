//! Groups: the row of a batch, in which the ends of its orders are counted.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use offload_domain::{
    group::{Group, GroupPlace},
    id::OrderId,
    status::{EtaWindow, Status},
    tenant::Tenant,
};

use crate::{
    error::{Error, Kind},
    item::{Item, PK, SK, TTL, millis, number, text, trace_attributes, trace_of},
    orders::OrderTable,
    rows::{RowAnswer, Update, Updated},
};

const GROUP_SK: &str = "group";
/// The places of the orders that ended so, or were refused.
const COMPLETED: &str = "completed";
const FAILED: &str = "failed";
const CANCELLED: &str = "cancelled";
const REFUSED: &str = "refused";

/// What became of an end that was to be counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Counted {
    /// It is counted now; the group as it is then.
    Now(Group),
    /// It was counted before.
    Before(Group),
    /// There is no such group: it is past its retention.
    NoGroup,
}

impl OrderTable {
    /// Stores a new group, which is kept until then. Does nothing if there is one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn insert_group(&self, group: &Group, kept_until: DateTime<Utc>) -> Result<(), Error> {
        let mut item: Item = key(group.id).into();
        item.insert("orders".to_owned(), number(group.orders));
        item.insert("renew".to_owned(), text(&group.renew));
        item.insert(TTL.to_owned(), number(kept_until.timestamp()));
        let EtaWindow { at, earliest_at, latest_at } = group.eta;
        let times =
            [("created_at", group.created_at), ("at", at), ("earliest_at", earliest_at), ("latest_at", latest_at)];
        item.extend(times.map(|(name, time)| (name.to_owned(), millis(time))));
        if !group.tenant.is_default() {
            item.insert("tenant".to_owned(), text(group.tenant.as_str()));
        }
        item.extend(trace_attributes(group.trace.as_ref()));
        match self.rows.put(item).await {
            Ok(()) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Reads a group.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn group(&self, id: OrderId) -> Result<Option<Group>, Error> {
        let item = self.rows.get(key(id).into()).await?;
        item.as_ref().map(|item| decode(id, item)).transpose()
    }

    /// Counts the end of an order, once, however often it is asked for.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn count_end(&self, GroupPlace { group, place }: GroupPlace, end: Status) -> Result<Counted, Error> {
        let set = match end {
            Status::Completed => COMPLETED,
            Status::Failed => FAILED,
            Status::Cancelled => CANCELLED,
            Status::Pending | Status::Processing => {
                return Err(Error::new(Kind::Invalid, "dynamodb.UpdateItem", "the order has not ended"));
            }
        };
        let counted = [COMPLETED, FAILED, CANCELLED, REFUSED].map(|set| format!("NOT contains(#{set}, :place)"));
        let condition = format!("attribute_exists({PK}) AND {}", counted.join(" AND "));
        self.add(group, set, &[place], condition, [COMPLETED, FAILED, CANCELLED, REFUSED].as_slice()).await
    }

    /// Takes orders out of a group that were not accepted after all.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn count_refused(&self, group: OrderId, places: &[u16]) -> Result<Counted, Error> {
        self.add(group, REFUSED, places, format!("attribute_exists({PK})"), &[REFUSED]).await
    }

    async fn add(
        &self,
        group: OrderId,
        set: &str,
        places: &[u16],
        condition: String,
        named: &[&str],
    ) -> Result<Counted, Error> {
        let numbers = places.iter().map(ToString::to_string).collect();
        let mut values = Item::from([(":places".to_owned(), AttributeValue::Ns(numbers))]);
        if let ([place], true) = (places, condition.contains(":place)")) {
            values.insert(":place".to_owned(), number(place));
        }
        let names: HashMap<_, _> = named.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect();
        let expression = format!("ADD #{set} :places");
        let update = Update { expression, condition, names, values, answer: RowAnswer::Whole };
        Ok(match self.rows.update(key(group).into(), update).await? {
            Updated::Written(item) => Counted::Now(decode(group, &item)?),
            Updated::Refused(Some(item)) => Counted::Before(decode(group, &item)?),
            Updated::Refused(None) => Counted::NoGroup,
        })
    }
}

fn key(id: OrderId) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(id.to_string())), (SK.to_owned(), text(GROUP_SK))]
}

fn decode(id: OrderId, item: &Item) -> Result<Group, Error> {
    let unreadable =
        |name: &str| Error::new(Kind::Invalid, "dynamodb.item", format!("{name} of a group cannot be read"));
    let integer = |name: &str| item.get(name).and_then(|a| a.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
    let time = |name: &str| integer(name).and_then(DateTime::from_timestamp_millis).ok_or_else(|| unreadable(name));
    let string = |name: &str| item.get(name).and_then(|a| a.as_s().ok()).cloned();
    let count = |set: &str| item.get(set).and_then(|a| a.as_ns().ok()).map_or(0, Vec::len);
    let count = |set: &str| u32::try_from(count(set)).unwrap_or(u32::MAX);
    let tenant = match string("tenant") {
        Some(tenant) => tenant.parse().map_err(|_| unreadable("tenant"))?,
        None => Tenant::default(),
    };
    Ok(Group {
        id,
        tenant,
        created_at: time("created_at")?,
        eta: EtaWindow { at: time("at")?, earliest_at: time("earliest_at")?, latest_at: time("latest_at")? },
        renew: string("renew").ok_or_else(|| unreadable("renew"))?,
        trace: trace_of(item),
        orders: integer("orders").and_then(|n| n.try_into().ok()).ok_or_else(|| unreadable("orders"))?,
        refused: count(REFUSED),
        completed: count(COMPLETED),
        failed: count(FAILED),
        cancelled: count(CANCELLED),
    })
}
