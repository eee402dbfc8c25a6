//! The stack as its clients see it: the AWS SDK, and plain HTTP. One program, so that the SDK is
//! linked once.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod calls;
mod clients;
mod clock_skew;
mod conditional_writes;
mod cors;
mod dead_letters;
mod deliveries;
mod durability;
mod fair_queues;
mod faults;
mod items;
mod lifecycle;
mod objects;
mod order_flow;
mod policies;
mod presigned_urls;
mod queues;
mod sessions;
mod signature;
mod users;
mod visibility;
