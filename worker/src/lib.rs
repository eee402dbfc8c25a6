//! The worker: takes orders from the queue, has them processed, and records what became of them.

pub mod processor;
