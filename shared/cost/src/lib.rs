//! What a deployment costs on AWS a month, and what it would cost if its clients polled an API
//! instead. Pure: a [`Scenario`] and [`Prices`] make a [`Bill`].
//!
//! What an order takes in calls is not written down here: the rules by which the service writes
//! status objects and by which clients poll (`offload_domain`) are run for orders of every length.

mod article;
mod bill;
mod break_even;
mod calls;
mod chart;
mod counted;
mod item;
mod line;
mod orders;
mod prices;
mod scenario;
mod service;
mod ways;

pub use article::{Article, ArticleLine};
pub use bill::Bill;
pub use break_even::BreakEven;
pub use calls::Calls;
pub use chart::chart;
pub use counted::{Comparison, Counted, CountedBy};
pub use item::Item;
pub use line::{Line, dollars};
pub use orders::{Behaviour, behaviour};
pub use prices::{MONTH_SECONDS, PriceError, PriceList, Prices};
pub use scenario::{Channel, Progress, Runtime, Scenario, ScenarioError};
pub use ways::{Way, WayName};
