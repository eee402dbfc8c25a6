//! Many new orders at once.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use offload_domain::{
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    order::OrderRecord,
};
use offload_service::clock;

use crate::{
    error::{Error, Kind},
    item::{self, Item},
    orders::{OrderTable, decode_idempotency, idempotency_key, key_item},
    rows::ROWS_MAX,
};

/// Rows up to this many bytes are written by transactions, which cost a second write for each KiB.
/// For larger ones that is more than a call of their own.
const TRANSACTION_ROW_MAX_BYTES: usize = 2_048;
/// Calls at once for one list of orders.
const CALLS_AT_ONCE: usize = 16;

/// Orders that are written by one call, by their places in the list.
struct Together {
    places: Vec<usize>,
    items: Vec<Item>,
}

impl OrderTable {
    /// Stores new orders with their entries in the index, each on the condition that there is no
    /// row of its id: a hundred of them by one call, all or nothing. What became of each, in their
    /// order.
    ///
    /// An order whose write failed may or may not stand in the table.
    pub async fn insert_all(&self, records: &[&OrderRecord]) -> Vec<Result<(), Error>> {
        let mut results: Vec<Result<(), Error>> = vec![Ok(()); records.len()];
        let mut small = Together { places: Vec::new(), items: Vec::new() };
        let mut writes = Vec::new();
        for (place, record) in records.iter().enumerate() {
            let item = match item::encode(record, self.kept_until(record), self.patience.first_due(record)) {
                Ok(item) => item,
                Err(e) => {
                    results[place] = Err(e);
                    continue;
                }
            };
            if size(&item) > TRANSACTION_ROW_MAX_BYTES {
                writes.push(Together { places: vec![place], items: vec![item] });
                continue;
            }
            small.places.push(place);
            small.items.push(item);
            if small.items.len() == ROWS_MAX {
                writes.push(std::mem::replace(&mut small, Together { places: Vec::new(), items: Vec::new() }));
            }
        }
        if !small.items.is_empty() {
            writes.push(small);
        }
        let writes =
            writes.into_iter().map(|Together { places, items }| async { (places, self.write_new(items).await) });
        let mut written = stream::iter(writes).buffer_unordered(CALLS_AT_ONCE);
        while let Some((places, result)) = written.next().await {
            places.into_iter().for_each(|place| results[place] = result.clone());
        }
        results
    }

    /// Stores an order of a batch that was sent before. [`Kind::Conflict`] if it has a row.
    ///
    /// # Errors
    /// If the call fails; the order may or may not stand in the table then.
    pub async fn insert_missing(&self, record: &OrderRecord) -> Result<(), Error> {
        let item = item::encode(record, self.kept_until(record), self.patience.first_due(record))?;
        self.rows.put(item).await
    }

    /// Stores the idempotency key of a batch, whose orders have ids that follow from `group` and
    /// must have ended after `longest`. The record of the key, if it is stored already.
    ///
    /// # Errors
    /// If a call fails; the key may or may not be stored then.
    pub async fn insert_batch_key(
        &self,
        key: &IdempotencyKey,
        group: OrderId,
        longest: Duration,
    ) -> Result<Option<IdempotencyRecord>, Error> {
        let expires_at = clock::now() + longest + self.retention();
        match self.rows.put(key_item(key, group, expires_at)).await {
            Ok(()) => Ok(None),
            Err(Error { kind: Kind::Conflict, .. }) => {
                let found = self.rows.get(idempotency_key(&key.hash).into()).await?;
                let found = found.as_ref().map(decode_idempotency).transpose()?;
                // Our own write, by a try whose answer was lost.
                Ok(found.filter(|found| found.order_id != group))
            }
            Err(e) => Err(e),
        }
    }

    async fn write_new(&self, mut items: Vec<Item>) -> Result<(), Error> {
        if items.len() > 1 {
            // Of this call and of its own tries alone.
            let token = OrderId::new(clock::now()).to_string();
            return self.rows.put_all(&token, items).await.map_err(|not_all| not_all.error);
        }
        let Some(item) = items.pop() else { return Ok(()) };
        match self.rows.put(item).await {
            // The id is new: the current row is this very order, by a try whose answer was lost.
            Ok(()) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// About how many bytes a row has.
fn size(item: &Item) -> usize {
    let of = |value: &aws_sdk_dynamodb::types::AttributeValue| value.as_s().map_or(16, String::len);
    item.iter().map(|(name, value)| name.len() + of(value)).sum()
}
