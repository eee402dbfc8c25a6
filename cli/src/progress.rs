//! Shows people who wait where their order stands: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use offload_client::{Estimate, StatusObject};

use crate::{output, render};

/// How often the bar moves.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Tells something in between, around the bar if there is one by then.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Option<ProgressBar>>>);

impl Notes {
    pub(crate) fn say(&self, text: &str) {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| output::say(text)),
            None => output::say(text),
        }
    }
}

/// What is shown on standard error.
pub(crate) enum Display {
    /// A bar.
    Bar(ProgressBar),
    /// A line with every change.
    Lines {
        /// The revision told last.
        told: Option<u64>,
    },
    /// Nothing, for scripts.
    Silent,
}

impl Display {
    /// What fits standard error.
    pub(crate) fn new(silent: bool, notes: &Notes) -> Self {
        if !std::io::stderr().is_terminal() {
            return if silent { Self::Silent } else { Self::Lines { told: None } };
        }
        let style = ProgressStyle::with_template("{spinner:.cyan} [{bar:24.cyan}] {wide_msg}");
        // The template is a constant; a bar of another style is still a bar.
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        let bar = ProgressBar::new(100).with_style(style);
        *notes.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Self::Bar(bar)
    }

    /// Time has passed.
    pub(crate) fn tick(&self, estimate: &Estimate, object: Option<&StatusObject>, local: DateTime<Utc>) {
        if let Self::Bar(bar) = self {
            let now = estimate.service_time(local);
            bar.set_message(render::headline(object, estimate.window.as_ref(), now));
            bar.set_position(render::filled(object, estimate.placed_at, estimate.window.as_ref(), now));
            bar.tick();
        }
    }

    /// Something was learnt.
    pub(crate) fn update(&mut self, estimate: &Estimate, object: Option<&StatusObject>, local: DateTime<Utc>) {
        self.tick(estimate, object, local);
        if let Self::Lines { told } = self {
            let revision = Some(object.map_or(0, |o| o.revision));
            if *told != revision {
                output::say(&render::headline(object, estimate.window.as_ref(), estimate.service_time(local)));
                *told = revision;
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
