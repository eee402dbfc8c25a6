//! What must hold, in the words of `ARCHITECTURE.md`.

use crate::world::{Answer, NOBODY, Object, Row, Worker, World};

pub(crate) const REVISION: &str = "(a) a transition makes the next revision of what is stored";
pub(crate) const NEVER_BACK: &str = "(b) a status object never goes back";
pub(crate) const FINAL_ROW: &str = "(c) a final status in the table never changes";
pub(crate) const FINAL_OBJECT: &str = "(c) a final status in S3 never changes";
pub(crate) const DELETED: &str =
    "(e) a message is deleted only after the end is published, if another has taken its place, or if there is no order";
pub(crate) const ONE_ORDER: &str = "(f) one key gives one order";
pub(crate) const ONE_ANSWER: &str = "(f) every 202 for one key names the same order, and no key leads nowhere";
pub(crate) const RESULT: &str = "(g) a result that is linked is never replaced";
pub(crate) const ENTRY: &str = "(h) an order whose end is not published has an entry in the index";
pub(crate) const TAKEN_BACK: &str =
    "an order of which a 503 says that it was taken back is not in the table, now or later";
pub(crate) const ONE_WORKER: &str = "nobody else starts or ends an order under a live lease, but for its deadline";

/// The property that a step breaks. [`crate::checker::ENDS`] is a property of all later states, and
/// not here.
pub(crate) fn broken(keyed: bool, before: &World, after: &World) -> Option<&'static str> {
    let orders = || (0u8..).zip(after.rows.iter().zip(&before.rows));
    for (order, (row, old)) in orders() {
        let (object, old_object) = (after.object(order), before.object(order));
        let broken = row_broken(*old, *row)
            .or_else(|| object_broken(old_object, object))
            .or_else(|| result_broken(order, after))
            .or_else(|| entry_broken(order, after))
            .or_else(|| deletion_broken(order, before, after))
            .or_else(|| lease_broken(order, before, after));
        if broken.is_some() {
            return broken;
        }
    }
    let taken_back = |i: usize| after.answers[i] == Answer::TakenBack && after.rows[i].is_some();
    if taken_back(0) || taken_back(1) {
        return Some(TAKEN_BACK);
    }
    let accepted = |i: usize| match after.answers[i] {
        Answer::Accepted(order) => Some(order),
        _ => None,
    };
    if keyed && after.rows.iter().all(Option::is_some) {
        return Some(ONE_ORDER);
    }
    let two = accepted(0).zip(accepted(1)).is_some_and(|(a, b)| keyed && a != b);
    (two || after.answers.contains(&Answer::Gone)).then_some(ONE_ANSWER)
}

/// Nothing is left to be done: every order in the table has ended and is published. That is more
/// than 202 promises, as an order whose client got no answer ends, too.
pub(crate) fn settled(world: &World) -> bool {
    let reported = |order| world.answers.contains(&Answer::Accepted(order));
    (0u8..).zip(&world.rows).all(|(order, row)| match row {
        Some(_) => world.end_is_published(order),
        // It was withdrawn, or never was.
        None => !reported(order),
    })
}

fn row_broken(before: Option<Row>, after: Option<Row>) -> Option<&'static str> {
    let (old, new) = match (before.map(|r| r.state), after.map(|r| r.state)) {
        (None, None) => return None,
        (None, Some(new)) => return (new.revision != 1).then_some(REVISION),
        // Only an order that nobody has touched is taken back.
        (Some(old), None) => return (old.revision != 1).then_some(REVISION),
        (Some(old), Some(new)) => (old, new),
    };
    if old == new {
        return None;
    }
    // The exception: an operator's redrive makes a new generation.
    if old.is_final() && new.stage != old.stage && new.generation == old.generation {
        return Some(FINAL_ROW);
    }
    (new.revision != old.revision + 1).then_some(REVISION)
}

fn object_broken(before: Option<Object>, after: Option<Object>) -> Option<&'static str> {
    let old = before?;
    let Some(new) = after else { return Some(NEVER_BACK) };
    if new.revision < old.revision || (new.revision == old.revision && new != old) {
        return Some(NEVER_BACK);
    }
    let ended = old.stage.0.is_final() && new.stage != old.stage && new.generation == old.generation;
    ended.then_some(FINAL_OBJECT)
}

fn result_broken(order: u8, after: &World) -> Option<&'static str> {
    let linked = after.row(order)?.result?;
    (after.results[usize::from(order)][usize::from(linked.key)] != linked.claim).then_some(RESULT)
}

fn entry_broken(order: u8, after: &World) -> Option<&'static str> {
    let row = after.row(order)?;
    (!row.open && !after.end_is_published(order)).then_some(ENTRY)
}

/// What a worker has done when it decides to delete its message.
fn deletion_broken(order: u8, before: &World, after: &World) -> Option<&'static str> {
    let workers = before.workers.iter().zip(&after.workers);
    let mut deleting = workers.filter(|(_, is)| matches!(is, Worker::Delete(received) if received.order == order));
    let broken = deleting.any(|(was, _)| match was {
        Worker::Delete(_) | Worker::Postpone(_) => false,
        Worker::Settle { publishing, .. } => {
            after.object(order).is_none_or(|object| object.revision < publishing.object.revision)
        }
        _ => before.row(order).is_some(),
    });
    broken.then_some(DELETED)
}

/// `order` is the one of the rows.
fn lease_broken(order: u8, before: &World, after: &World) -> Option<&'static str> {
    let (old, new) = (before.row(order)?.lease.filter(|l| l.live)?, after.row(order)?.lease);
    let other = match new {
        // A worker whose job is over leaves its lease to nobody; it stays live all the same.
        Some(new) => new.owner != old.owner && new.owner != NOBODY,
        // Its own worker ends it by a step of its own. The deadline is for everybody.
        None => {
            let owner = usize::from(old.owner);
            !after.late && before.workers.get(owner) == after.workers.get(owner)
        }
    };
    other.then_some(ONE_WORKER)
}
