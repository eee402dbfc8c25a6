//! Lists of orders, from the sparse index: page by page, each of bounded reads.
//!
//! The index has sixteen shards, which are merged by time. A page ends when it has as many orders
//! as were asked for, or when it has searched enough: a filter that few orders meet costs no scan.

use std::collections::VecDeque;

use futures_util::future::try_join_all;

use crate::{
    error::Error,
    item::{self, DUE, DUE_AT, Due, Item, PK, number, text},
    orders::OrderTable,
};
use offload_domain::{
    idempotency::IdempotencyKey,
    order::OrderRecord,
    order_list::{Cursor, Entry, INDEX_SHARDS, OrderFilter},
    order_query::Single,
};

/// Entries that one page searches at most: each is a read of its order.
const SEARCHED_MAX: usize = 200;
/// Entries that are read of a shard at once.
const ENTRIES: i32 = 25;
/// Orders that are read at the same time.
const READS: usize = 16;

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderPage {
    /// The orders, without their payloads but for the member `kind`.
    pub records: Vec<OrderRecord>,
    /// How many entries were searched for them.
    pub searched: usize,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<Cursor>,
}

/// The first entries of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexHead {
    /// As the list has them.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
}

impl OrderTable {
    /// The first entries of a list, at most `per_shard` of each of the index's sixteen shards, and
    /// no order of them.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn index_head(&self, filter: &OrderFilter, per_shard: i32) -> Result<IndexHead, Error> {
        let walk = Walk::new(self, filter, Cursor::start(filter));
        let reads: Vec<_> = (0..INDEX_SHARDS).map(|n| walk.read(n, per_shard)).collect();
        let shards = try_join_all(reads).await?;
        let more = shards.iter().any(|shard| !shard.ended);
        let mut entries: Vec<Entry> = shards.into_iter().flat_map(|shard| shard.entries).collect();
        entries.sort_by_key(|entry| entry.at_ms);
        if filter.newest_first() {
            entries.reverse();
        }
        Ok(IndexHead { entries, more })
    }

    /// The order that an operator names, if there is one.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn find_single(&self, single: &Single) -> Result<Option<OrderRecord>, Error> {
        let id = match single {
            Single::Id(id) => Some(*id),
            Single::Key(hash) => {
                let key = IdempotencyKey { hash: hash.clone(), fingerprint: String::new() };
                self.find_idempotent(&key).await?.map(|found| found.order_id)
            }
        };
        match id {
            Some(id) => self.get(id).await,
            None => Ok(None),
        }
    }

    /// The next orders of a list: at most `limit` of them, among the next 200 entries of the index.
    /// The index is a little behind the table; an order that was swept meanwhile may come twice.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn list(&self, filter: &OrderFilter, from: Cursor, limit: usize) -> Result<OrderPage, Error> {
        let mut walk = Walk::new(self, filter, from);
        let mut page = OrderPage { records: Vec::new(), searched: 0, next: Some(from) };
        while page.records.len() < limit && page.searched < SEARCHED_MAX {
            let mut found = Vec::new();
            while found.len() < READS.min(SEARCHED_MAX - page.searched) {
                let Some(next) = walk.next().await? else { break };
                found.push(next);
            }
            let reads: Vec<_> = found.iter().map(|(entry, _)| self.get(entry.id)).collect();
            let records = try_join_all(reads).await?;
            for (record, (_, cursor)) in records.into_iter().zip(&found) {
                if page.records.len() == limit {
                    return Ok(page);
                }
                (page.searched, page.next) = (page.searched + 1, Some(*cursor));
                // Of an order that was erased or withdrawn there is an entry, and no order.
                page.records.extend(record.filter(|r| filter.admits(r)).map(OrderRecord::with_kind_only));
            }
            if walk.is_over().await? {
                page.next = None;
                break;
            }
        }
        Ok(page)
    }
}

/// The entries of all shards in one order.
struct Walk<'a> {
    table: &'a OrderTable,
    newest_first: bool,
    cursor: Cursor,
    shards: Vec<Shard>,
}

/// The next entries of a shard.
#[derive(Default)]
struct Shard {
    entries: VecDeque<Entry>,
    /// There are no more than these.
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(table: &'a OrderTable, filter: &OrderFilter, cursor: Cursor) -> Self {
        let shards = (0..INDEX_SHARDS).map(|_| Shard::default()).collect();
        Self { table, newest_first: filter.newest_first(), cursor, shards }
    }

    /// The next entry, and the cursor behind it.
    async fn next(&mut self) -> Result<Option<(Entry, Cursor)>, Error> {
        self.fill().await?;
        let heads = self.shards.iter().enumerate().filter_map(|(n, shard)| Some((n, *shard.entries.front()?)));
        let next = if self.newest_first {
            heads.max_by_key(|(_, entry)| entry.at_ms)
        } else {
            heads.min_by_key(|(_, entry)| entry.at_ms)
        };
        let Some((shard, entry)) = next else { return Ok(None) };
        self.shards[shard].entries.pop_front();
        self.cursor = self.cursor.behind(shard, entry);
        Ok(Some((entry, self.cursor)))
    }

    /// Whether there is no further entry.
    async fn is_over(&mut self) -> Result<bool, Error> {
        self.fill().await?;
        Ok(self.shards.iter().all(|shard| shard.entries.is_empty()))
    }

    /// Reads on where a shard has none left: only then is it known which entry is the next one.
    async fn fill(&mut self) -> Result<(), Error> {
        let empty = |shard: &Shard| shard.entries.is_empty() && !shard.ended;
        let short: Vec<usize> = (0..INDEX_SHARDS).filter(|n| empty(&self.shards[*n])).collect();
        let reads: Vec<_> = short.iter().map(|n| self.read(*n, ENTRIES)).collect();
        for (n, read) in short.iter().zip(try_join_all(reads).await?) {
            self.shards[*n] = read;
        }
        Ok(())
    }

    async fn read(&self, shard: usize, limit: i32) -> Result<Shard, Error> {
        let due = if self.newest_first { Due::Failed } else { Due::Open };
        let hash = due.shard(u8::try_from(shard).unwrap_or_default());
        let start = self.cursor.after(shard).map(|Entry { at_ms, id }| {
            let mut key: Item = item::key(id).into();
            key.extend([(DUE.to_owned(), text(&hash)), (DUE_AT.to_owned(), number(at_ms))]);
            key
        });
        let query = self.table.rows.client.query().table_name(&*self.table.rows.table).index_name(DUE).limit(limit);
        let query = query
            .key_condition_expression("#due = :due")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_values(":due", text(&hash))
            .scan_index_forward(!self.newest_first)
            .set_exclusive_start_key(start);
        let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
        let entry = |item: &Item| {
            let at_ms = item.get(DUE_AT)?.as_n().ok()?.parse().ok()?;
            Some(Entry { at_ms, id: item.get(PK)?.as_s().ok()?.parse().ok()? })
        };
        let entries = page.items.unwrap_or_default().iter().filter_map(entry).collect();
        Ok(Shard { entries, ended: page.last_evaluated_key.is_none() })
    }
}
