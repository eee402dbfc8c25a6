//! What holds for every write to the order table.

use serde_json::Value;

use super::{Judge, Row, time};

impl Judge {
    /// An item was put whole: an order, what is left of one, or the key of one.
    pub(super) fn item_put(&mut self, item: &Value) {
        let text = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        if text("sk") == "idempotency" {
            let (key, order) = (text("pk"), text("order_id"));
            if let Some(before) = self.keys.insert(key, order.clone()).filter(|before| *before != order) {
                self.violations.push(format!("(f) the key of {before} was given to {order}"));
            }
        }
        let Some(row) = Row::of(item) else { return };
        if let Some(before) = self.rows.get(row.id()) {
            let (id, was, is) = (row.id(), before.revision(), row.revision());
            match (was, is) {
                (0, 1..) => self.violations.push(format!("{id} was withdrawn, and was stored after that")),
                (2.., 0) => self.violations.push(format!("{id} was withdrawn at revision {was}")),
                (1.., 1..) if before != &row => self.violations.push(format!("(a) {id} was stored twice")),
                _ => {}
            }
        }
        self.rows.insert(row.id().to_owned(), row);
    }

    /// An item was updated. Transitions answer with the whole item.
    pub(super) fn item_updated(&mut self, now: u64, asked: &Value, answered: &Value) {
        let id = asked["Key"]["pk"]["S"].as_str().unwrap_or_default();
        if let Some(row) = Row::of(&answered["Attributes"]) {
            let before = self.rows.insert(id.to_owned(), row.clone()).unwrap_or_default();
            return self.row_changed(now, &before, &row);
        }
        let Some(row) = self.rows.get_mut(id) else { return };
        let value = |name: &str| {
            let value = asked["ExpressionAttributeValues"][name].as_object().and_then(|v| v.values().next());
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        match asked["UpdateExpression"].as_str().unwrap_or_default() {
            "SET #at = :next" => return row.set("due_at", &value(":next")),
            "REMOVE #due, #at" => row.set("due", ""),
            "SET #due = :failed, #at = :at" => row.set("due", &value(":failed")),
            _ => return,
        }
        let row = row.clone();
        let published = self.objects.get(id).and_then(|o| o["revision"].as_u64()).unwrap_or(0);
        if !row.is_final() || published < row.revision() {
            let (status, revision) = (row.text("status"), row.revision());
            self.violations
                .push(format!("(h) {id} left the index as {status} at revision {revision}, published {published}"));
        }
    }

    fn row_changed(&mut self, now: u64, before: &Row, row: &Row) {
        let (id, was, is) = (row.id(), before.revision(), row.revision());
        if is != was && is != was + 1 {
            self.violations.push(format!("(a) {id} went from revision {was} to {is}"));
        }
        let same_generation = before.generation() == row.generation();
        if before.is_final() && same_generation && before.end() != row.end() {
            self.violations.push(format!("(c) {id} had ended: {:?}, then {:?}", before.end(), row.end()));
        }
        if let (Some(holder), Some(owner)) = (before.holder(time(now)), row.owner())
            && holder != owner
        {
            self.violations.push(format!("{id} was leased to {holder}, and {owner} took it"));
        }
        if !row.is_final() && !row.is_open() {
            self.violations.push(format!("(h) {id} is {} and not in the index", row.text("status")));
        }
        if row.is_final() && !row.is_open() && is != was {
            self.violations.push(format!("(h) {id} has ended unpublished, and is not in the index"));
        }
        if let Some(key) = row.result_key().filter(|_| row.is_final()) {
            let written = self.results.get(&key).and_then(|result| result["fence"].as_str());
            if written != Some(row.fence().as_str()) {
                self.violations
                    .push(format!("(g) {id} links {key} of attempt {}, written by {written:?}", row.fence()));
            }
            self.linked.insert(key);
        }
    }
}
