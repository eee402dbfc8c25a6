//! What goes wrong in a simulation, and how often.

use offload_local::FaultPlan;

use super::dice::Dice;

/// What the network and the services do to calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Weather {
    /// Legs of a call that take up to a second.
    pub(super) slow: f64,
    /// Legs that take several seconds, which outlasts every caller.
    pub(super) late: f64,
    /// Calls that are not carried out, because the connection breaks before.
    pub(super) refused: f64,
    /// Calls that are carried out, and whose answer is lost with the connection.
    pub(super) lost: f64,
    /// Calls of which nothing more comes back, carried out or not.
    pub(super) silent: f64,
    /// Calls that are carried out and get a 503 all the same.
    pub(super) late_errors: f64,
    /// Messages that the queue accepts and loses.
    pub(super) lost_messages: f64,
    /// What the services do by themselves.
    pub(super) services: FaultPlan,
    /// Programs that are killed, and started again, in each second.
    pub(super) kills: f64,
    /// Programs that are paused for up to some seconds, in each second.
    pub(super) pauses: f64,
    /// The longest pause.
    pub(super) longest_pause_ms: u64,
}

impl Weather {
    /// The weather of a seed. Each kind of fault is there in half of the seeds.
    pub(super) fn of(dice: &mut Dice) -> Self {
        Self {
            slow: dice.rate(0.3),
            late: dice.rate(0.05),
            refused: dice.rate(0.1),
            lost: dice.rate(0.1),
            silent: dice.rate(0.03),
            late_errors: dice.rate(0.1),
            lost_messages: dice.rate(0.3),
            services: FaultPlan {
                error_rate: dice.rate(0.1),
                duplicate_rate: dice.rate(0.5),
                reorder: dice.chance(0.5),
                seed: dice.between(0, u64::MAX),
                ..FaultPlan::default()
            },
            kills: dice.rate(0.3),
            pauses: dice.rate(0.4),
            longest_pause_ms: dice.between(1_000, 12_000),
        }
    }
}
