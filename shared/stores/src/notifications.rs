//! The queues of notifications.

use offload_service::settings::NotificationSettings;

use crate::queue::Queue;

/// Where notifications go.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// Their queue.
    pub queue: Queue,
    /// Their dead-letter queue.
    pub dead_letters: Option<Queue>,
    /// Who is notified of every order's changes, and by whom.
    pub settings: NotificationSettings,
}

impl Notifications {
    pub(crate) fn new(settings: &NotificationSettings, queue: impl Fn(&str) -> Queue) -> Self {
        Self {
            queue: queue(&settings.queue_url),
            dead_letters: settings.dead_letter_queue_url.as_deref().map(queue),
            settings: settings.clone(),
        }
    }
}
