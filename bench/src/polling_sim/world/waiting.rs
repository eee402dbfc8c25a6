//! The messages that wait, in a queue that is fair between tenants.

use std::collections::VecDeque;

/// An order's index, or `None` for a second delivery.
type Message = Option<usize>;

/// The messages of each tenant, in their order, and how many of each are worked on.
#[derive(Debug)]
pub(super) struct Waiting(Vec<(VecDeque<Message>, usize)>);

impl Waiting {
    pub(super) fn new(tenants: usize) -> Self {
        Self(vec![(VecDeque::new(), 0); tenants.max(1)])
    }

    pub(super) fn add(&mut self, tenant: usize, message: Message) {
        self.0[tenant].0.push_back(message);
    }

    /// The next message, of the tenant with the fewest that are worked on.
    pub(super) fn next(&mut self) -> Option<(usize, Message)> {
        let waiting = self.0.iter_mut().enumerate().filter(|(_, (messages, _))| !messages.is_empty());
        let (tenant, (messages, working)) = waiting.min_by_key(|(_, (_, working))| *working)?;
        *working += 1;
        Some((tenant, messages.pop_front()?))
    }

    /// A message is not worked on any more.
    pub(super) fn ended(&mut self, tenant: usize) {
        self.0[tenant].1 = self.0[tenant].1.saturating_sub(1);
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(messages, _)| messages.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
