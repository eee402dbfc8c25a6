//! Shows people who wait where their order stands: a bar on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use offload_shared::status::StatusObject;

use crate::{follow::Plan, output, render};

/// How often the bar moves.
pub(crate) const TICK: Duration = Duration::from_millis(200);

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
    pub(crate) fn new(silent: bool) -> Self {
        if !std::io::stderr().is_terminal() {
            return if silent { Self::Silent } else { Self::Lines { told: None } };
        }
        let style = ProgressStyle::with_template("{spinner:.cyan} [{bar:24.cyan}] {wide_msg}");
        // The template is a constant; a bar of another style is still a bar.
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        Self::Bar(ProgressBar::new(100).with_style(style))
    }

    /// Time has passed.
    pub(crate) fn tick(&self, plan: &Plan, object: Option<&StatusObject>, local: DateTime<Utc>) {
        if let Self::Bar(bar) = self {
            let now = plan.service_time(local);
            bar.set_message(render::headline(object, plan.window(), now));
            bar.set_position(render::filled(object, plan.origin(), plan.window(), now));
            bar.tick();
        }
    }

    /// Something was learnt.
    pub(crate) fn update(&mut self, plan: &Plan, object: Option<&StatusObject>, local: DateTime<Utc>) {
        self.tick(plan, object, local);
        if let Self::Lines { told } = self {
            let revision = Some(object.map_or(0, |o| o.revision));
            if *told != revision {
                output::say(&render::headline(object, plan.window(), plan.service_time(local)));
                *told = revision;
            }
        }
    }

    /// Tells something in between.
    pub(crate) fn note(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| output::say(text)),
            Self::Lines { .. } | Self::Silent => output::say(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
