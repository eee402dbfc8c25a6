//! The calls that every order makes: what is sent, and what is made of the answers. AWS is a
//! function here, which sees each request and answers it.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod overwrites;
mod retries;
mod same_requests;
mod scripted;
