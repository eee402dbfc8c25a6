//! Every step in the life of an order that writes the table, the bucket or the queue: one file a
//! verb.
//!
//! [`design`] describes the protocol, its invariants and its races. The model in `../model` checks
//! every interleaving of these steps; a file there has the name of the file here that it models.
//! The decisions themselves are pure and live in `offload_domain`.

#[doc = include_str!("../design.md")]
pub mod design {}

pub mod accept;
pub mod accept_batch;
pub mod act;
pub mod cancel;
pub mod claim;
pub mod dead_letter;
pub mod enqueue;
pub mod erase;
pub mod finish;
pub mod group;
pub mod notify;
pub mod progress;
pub mod publish;
pub mod redrive;
pub mod replay;
pub mod subscribe;
pub mod sweep;
pub mod trial;
