//! The queues of orders.

use offload_domain::lane::Lane;
use offload_service::settings::StoreSettings;

use crate::queue::Queue;

/// The queues of orders that a deployment has.
#[derive(Clone, Debug)]
pub struct OrderQueues {
    normal: Queue,
    high: Option<Queue>,
    low: Option<Queue>,
    quiet: Option<Queue>,
}

impl OrderQueues {
    pub(crate) fn new(settings: &StoreSettings, queue: impl Fn(&str) -> Queue) -> Self {
        Self {
            normal: queue(&settings.queue_url),
            high: settings.high_queue_url.as_deref().map(&queue),
            low: settings.low_queue_url.as_deref().map(&queue),
            quiet: settings.quiet_queue_url.as_deref().map(&queue),
        }
    }

    /// The lanes that the deployment has, each with its queue, the first to be asked first.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, &Queue)> {
        Lane::ALL.into_iter().filter_map(|lane| Some((lane, self.own(lane)?)))
    }

    /// Whether the deployment has a lane.
    #[must_use]
    pub fn has(&self, lane: Lane) -> bool {
        self.own(lane).is_some()
    }

    /// The queue for the orders of a lane: that of normal ones, where the deployment has it no
    /// more. Nothing that was accepted is lost by that.
    #[must_use]
    pub fn of(&self, lane: Lane) -> &Queue {
        self.own(lane).unwrap_or(&self.normal)
    }

    fn own(&self, lane: Lane) -> Option<&Queue> {
        match lane {
            Lane::Quiet => self.quiet.as_ref(),
            Lane::High => self.high.as_ref(),
            Lane::Normal => Some(&self.normal),
            Lane::Low => self.low.as_ref(),
        }
    }
}
