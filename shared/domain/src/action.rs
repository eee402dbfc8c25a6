//! Bulk actions of operators, as resources: what is asked, and how far it has come. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::OrderId,
    order::OrderRecord,
    order_list::Listed,
    order_query::{InvalidQuery, OrderQuery},
    status::Status,
    tenant::Tenant,
    time::rfc3339_millis,
};

/// Orders that an action may have without somebody stating their number.
pub const COUNT_UNSTATED_MAX: usize = 100;
/// Orders a second, unless somebody says how many.
pub const RATE: u32 = 20;
/// The most orders a second.
pub const RATE_MAX: u32 = 200;
/// Examples in a preview.
pub const EXAMPLES: usize = 5;
/// Orders of each list of an action: the last ones that were skipped, and that failed.
const LISTED_MAX: usize = 20;

/// What is done with each order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionVerb {
    /// A failed order becomes pending again, with new attempts.
    Redrive,
    /// A failed order leaves the list of those that failed; it stays failed.
    Purge,
    /// An open order is cancelled.
    Cancel,
}

impl ActionVerb {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Purge => "purge",
            Self::Cancel => "cancel",
        }
    }

    /// Why an order is skipped as it is now; `None` if the verb fits it. `since` is when the action
    /// was made: what failed later was not counted.
    #[must_use]
    pub fn misfit(self, record: &OrderRecord, since: DateTime<Utc>) -> Option<String> {
        let status = record.state.status;
        let fits = match self {
            Self::Redrive | Self::Purge => status == Status::Failed,
            Self::Cancel => !status.is_final(),
        };
        if !fits {
            return Some(format!("it is {} by now", status.as_str()));
        }
        let later = match self {
            Self::Redrive | Self::Purge => record.state.updated_at > since,
            Self::Cancel => record.order.created_at > since,
        };
        later.then(|| "it is newer than the action".to_owned())
    }
}

/// The state of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionState {
    /// Orders are left.
    Running,
    /// It was asked to stop.
    Aborting,
    /// It stopped before its end.
    Aborted,
    /// Every order was acted on, skipped or has failed.
    Done,
}

impl ActionState {
    /// Whether nothing more happens.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Aborted | Self::Done)
    }
}

/// An order that was not acted on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotActedOn {
    /// The order.
    #[schema(value_type = String, format = "uuid")]
    pub id: OrderId,
    /// Why.
    pub why: String,
}

/// A bulk action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// Its id, a UUID of version 7.
    #[schema(value_type = String, format = "uuid")]
    pub id: OrderId,
    /// What is done with each order.
    pub verb: ActionVerb,
    /// Which orders, in the filter language.
    pub filter: String,
    /// Of this tenant alone; of all if it is null.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<Tenant>,
    /// How far it is.
    pub state: ActionState,
    /// Who asked for it.
    pub by: String,
    /// When.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DateTime<Utc>,
    /// When it last came further.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    #[serde(with = "rfc3339_millis::option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<DateTime<Utc>>,
    /// How many orders it had when it was made.
    pub count: usize,
    /// Orders that were acted on.
    pub done: usize,
    /// Orders that could not be acted on.
    pub failed: usize,
    /// Orders that had changed meanwhile.
    pub skipped: usize,
    /// Orders a second at most.
    pub rate: u32,
    /// One more with every change.
    pub revision: u64,
    /// Up to five of its orders.
    #[schema(value_type = Vec<String>)]
    pub examples: Vec<OrderId>,
    /// The last ones that were skipped.
    pub skips: Vec<NotActedOn>,
    /// The last ones that failed.
    pub failures: Vec<NotActedOn>,
}

/// What became of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActedOn {
    /// It was acted on.
    Done,
    /// It had changed meanwhile.
    Skipped(String),
    /// It could not be acted on.
    Failed(String),
}

impl Action {
    /// How many of its orders have been seen to.
    #[must_use]
    pub fn position(&self) -> usize {
        self.done + self.failed + self.skipped
    }

    /// Counts an order.
    pub fn count(&mut self, id: OrderId, outcome: ActedOn) {
        let push = |list: &mut Vec<NotActedOn>, why| {
            list.push(NotActedOn { id, why });
            if list.len() > LISTED_MAX {
                list.remove(0);
            }
        };
        match outcome {
            ActedOn::Done => self.done += 1,
            ActedOn::Skipped(why) => {
                self.skipped += 1;
                push(&mut self.skips, why);
            }
            ActedOn::Failed(why) => {
                self.failed += 1;
                push(&mut self.failures, why);
            }
        }
    }

    /// The next revision, at `now`, in this state.
    #[must_use]
    pub fn next(&self, state: ActionState, now: DateTime<Utc>) -> Self {
        let finished_at = state.has_ended().then_some(now);
        Self { revision: self.revision + 1, updated_at: now, finished_at, state, ..self.clone() }
    }
}

/// Why a filter selects nothing that a verb could act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSelection {
    /// The filter cannot be read.
    #[error(transparent)]
    Filter(#[from] InvalidQuery),
    /// It would be every order.
    #[error("a bulk action needs a filter: say which orders, such as state:dead")]
    Empty,
    /// The verb does not fit the state.
    #[error("{0} is for orders that are {1}: name another state, or none")]
    State(&'static str, &'static str),
}

/// Which orders an action has: those of the filter, in the states that its verb fits, of the
/// tenant.
///
/// # Errors
/// [`NoSelection`].
pub fn select(
    verb: ActionVerb,
    filter: &str,
    tenant: Option<&Tenant>,
    at: DateTime<Utc>,
) -> Result<OrderQuery, NoSelection> {
    let mut query = OrderQuery::parse(filter, tenant.unwrap_or(&Tenant::default()), at)?;
    if query.is_empty() {
        return Err(NoSelection::Empty);
    }
    let listed = query.filter.listed;
    let (implied, fits, states) = match verb {
        ActionVerb::Redrive => (Listed::Dead, matches!(listed, Listed::Failed | Listed::Dead), "dead or failed"),
        ActionVerb::Purge => (Listed::Failed, matches!(listed, Listed::Failed | Listed::Dead), "dead or failed"),
        ActionVerb::Cancel => {
            (Listed::Open, !matches!(listed, Listed::Failed | Listed::Dead), "open, pending or processing")
        }
    };
    if query.names_state() {
        if !fits || query.names_ended() {
            return Err(NoSelection::State(verb.as_str(), states));
        }
    } else {
        query.filter.listed = implied;
    }
    if let Some(tenant) = tenant {
        // One of another tenant is one that does not exist.
        if query.filter.tenant.as_ref().is_some_and(|named| named != tenant) {
            query.filter.attempts_min = Some(u32::MAX);
        }
        query.filter.tenant = Some(tenant.clone());
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{fixtures, problem::ends, transition::Transition};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn an_action_has_a_filter_and_a_state_that_fits_its_verb() {
        let listed = |verb, filter: &str| select(verb, filter, None, at(0)).map(|query| query.filter.listed);
        assert_eq!(listed(ActionVerb::Redrive, "kind:report"), Ok(Listed::Dead));
        assert_eq!(listed(ActionVerb::Redrive, "state:failed"), Ok(Listed::Failed));
        assert_eq!(listed(ActionVerb::Purge, "age>1d"), Ok(Listed::Failed));
        assert_eq!(listed(ActionVerb::Cancel, "state:pending"), Ok(Listed::Pending));
        assert_eq!(listed(ActionVerb::Cancel, ""), Err(NoSelection::Empty));
        let misfits = [
            (ActionVerb::Redrive, "state:open"),
            (ActionVerb::Purge, "state:processing"),
            (ActionVerb::Cancel, "state:dead"),
        ];
        for (verb, filter) in misfits {
            assert!(matches!(listed(verb, filter), Err(NoSelection::State(..))), "{filter}");
        }
        assert!(matches!(listed(ActionVerb::Cancel, "x"), Err(NoSelection::Filter(_))));
    }

    #[test]
    fn an_action_of_a_tenant_has_no_order_of_another() {
        let record = fixtures::record(at(0));
        let admits = |filter: &str, tenant: &str| {
            let query = select(ActionVerb::Cancel, filter, Some(&tenant.parse().unwrap()), at(9)).unwrap();
            query.filter.admits(&record)
        };
        assert!(admits("state:open", "default"));
        assert!(!admits("state:open", "shop"));
        assert!(!admits("tenant:default", "shop"));
    }

    #[test]
    fn what_has_changed_since_is_skipped() {
        let mut record = fixtures::record(at(0));
        assert_eq!(ActionVerb::Cancel.misfit(&record, at(1)), None);
        assert!(ActionVerb::Redrive.misfit(&record, at(1)).unwrap().contains("pending by now"));
        record.state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, at(5)).unwrap();
        let failure = Transition::Fail { error: ends::dead_lettered(1, None) };
        record.state = record.state.apply(failure, at(10)).unwrap();
        assert_eq!(ActionVerb::Redrive.misfit(&record, at(10)), None);
        assert!(ActionVerb::Redrive.misfit(&record, at(9)).unwrap().contains("newer"));
        assert!(ActionVerb::Cancel.misfit(&record, at(10)).unwrap().contains("failed by now"));
    }

    #[test]
    fn the_lists_of_an_action_are_bounded_and_its_counts_are_not() {
        let id = OrderId::new(at(0));
        let mut action = Action {
            id,
            verb: ActionVerb::Purge,
            filter: "state:dead".to_owned(),
            tenant: None,
            state: ActionState::Running,
            by: "jane".to_owned(),
            created_at: at(0),
            updated_at: at(0),
            finished_at: None,
            count: 50,
            done: 0,
            failed: 0,
            skipped: 0,
            rate: RATE,
            revision: 1,
            examples: Vec::new(),
            skips: Vec::new(),
            failures: Vec::new(),
        };
        for n in 0..50 {
            action.count(id, ActedOn::Skipped(n.to_string()));
        }
        assert_eq!((action.skipped, action.skips.len(), action.skips[19].why.as_str()), (50, LISTED_MAX, "49"));
        let done = action.next(ActionState::Done, at(3));
        assert_eq!((done.revision, done.finished_at), (2, Some(at(3))));
    }
}
