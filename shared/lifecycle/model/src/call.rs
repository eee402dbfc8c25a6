//! The calls to AWS that steps are, written as the embedded stack writes those that it receives.

use crate::world::{NextCall, Publishing};

/// One call: service, operation, and what it concerns.
pub(crate) type Call = &'static str;

pub(crate) const FIND_KEY: Call = "dynamodb.GetItem idempotency";
pub(crate) const INSERT: Call = "dynamodb.PutItem order";
pub(crate) const INSERT_WITH_KEY: Call = "dynamodb.TransactWriteItems PutItem idempotency, PutItem order";
pub(crate) const GET: Call = "dynamodb.GetItem order";
pub(crate) const UPDATE: Call = "dynamodb.UpdateItem order";
pub(crate) const QUERY_DUE: Call = "dynamodb.Query due/open";
pub(crate) const READ_OBJECT: Call = "s3.GetObject status";
pub(crate) const CREATE_OBJECT: Call = "s3.PutObject status if-none-match";
pub(crate) const REPLACE_OBJECT: Call = "s3.PutObject status if-match";
pub(crate) const PUT_RESULT: Call = "s3.PutObject result";
pub(crate) const SEND: Call = "sqs.SendMessage orders";
pub(crate) const RECEIVE: Call = "sqs.ReceiveMessage orders";
pub(crate) const DELETE: Call = "sqs.DeleteMessage orders";
pub(crate) const RECEIVE_DEAD: Call = "sqs.ReceiveMessage dead-letters";
pub(crate) const DELETE_DEAD: Call = "sqs.DeleteMessage dead-letters";

impl Publishing {
    /// The next call of an overwrite.
    pub(crate) fn call(&self) -> Call {
        match self.next {
            NextCall::Read => READ_OBJECT,
            NextCall::Put(Some(_)) => REPLACE_OBJECT,
            NextCall::Put(None) => CREATE_OBJECT,
        }
    }
}
