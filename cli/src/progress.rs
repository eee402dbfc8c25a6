//! The progress of an order on standard error: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use offload_client::{Estimate, StatusObject};

use crate::{output, render};

/// How often the bar moves.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Messages on standard error, around the bar once there is one.
#[derive(Clone, Default)]
pub(crate) struct Messages(Arc<OnceLock<ProgressBar>>);

impl Messages {
    pub(crate) fn print(&self, text: &str) {
        match self.0.get() {
            Some(bar) => bar.suspend(|| output::message(text)),
            None => output::message(text),
        }
    }
}

/// The progress on standard error.
pub(crate) enum Display {
    /// A bar.
    Bar(ProgressBar),
    /// A line for every change.
    Lines {
        /// The last revision printed.
        revision: Option<u64>,
    },
    /// Nothing, for scripts.
    Silent,
}

impl Display {
    /// The display that fits standard error.
    pub(crate) fn new(silent: bool, messages: &Messages) -> Self {
        if !std::io::stderr().is_terminal() {
            return if silent { Self::Silent } else { Self::Lines { revision: None } };
        }
        let style = ProgressStyle::with_template("{spinner:.cyan} [{bar:24.cyan}] {wide_msg}");
        // The template is a constant; a bar of another style is still a bar.
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        Self::Bar(messages.0.get_or_init(|| ProgressBar::new(100).with_style(style)).clone())
    }

    /// Updates the bar after time has passed.
    pub(crate) fn tick(&self, estimate: &Estimate, object: Option<&StatusObject>, local: DateTime<Utc>) {
        if let Self::Bar(bar) = self {
            let now = estimate.service_time(local);
            bar.set_message(render::headline(object, estimate.eta.as_ref(), now));
            bar.set_position(render::percent(object, estimate.accepted_at, estimate.eta.as_ref(), now));
            bar.tick();
        }
    }

    /// Updates the display after a status update.
    pub(crate) fn update(&mut self, estimate: &Estimate, object: Option<&StatusObject>, local: DateTime<Utc>) {
        self.tick(estimate, object, local);
        if let Self::Lines { revision: printed } = self {
            let revision = Some(object.map_or(0, |o| o.revision));
            if *printed != revision {
                output::message(&render::headline(object, estimate.eta.as_ref(), estimate.service_time(local)));
                *printed = revision;
            }
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
