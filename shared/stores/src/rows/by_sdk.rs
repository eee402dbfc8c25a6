//! The same through the SDK.

use aws_sdk_dynamodb::{
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{
        CancellationReason, Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
    },
};

use super::{Error, GET, Item, Kind, NEW, NotAll, PUT, PUT_ALL, RowAnswer, Rows, UPDATE, Update, Updated};

impl Rows {
    pub(super) async fn put_by_sdk(&self, item: Item) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&*self.table).set_item(Some(item)).condition_expression(NEW);
        Box::pin(put.send()).await.map(drop).map_err(|e| Error::of(PUT, &e))
    }

    pub(super) async fn put_all_by_sdk(&self, token: &str, rows: Vec<Item>) -> Result<(), NotAll> {
        let mut write = self.client.transact_write_items().client_request_token(token);
        for row in rows {
            let put = Put::builder().table_name(&*self.table).set_item(Some(row)).condition_expression(NEW);
            let put = put.return_values_on_condition_check_failure(OnFailure::AllOld).build();
            let put = put.map_err(|e| Error::new(Kind::Invalid, PUT_ALL, e.to_string()));
            write = write.transact_items(TransactWriteItem::builder().put(put?).build());
        }
        let Err(error) = Box::pin(write.send()).await else { return Ok(()) };
        Err(match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                let kind = Kind::of_cancelled(reasons.iter().filter_map(CancellationReason::code));
                let met = reasons.iter().filter_map(|reason| reason.item().cloned());
                NotAll { met: met.collect(), error: Error { kind, ..Error::of(PUT_ALL, &error) } }
            }
            _ => Error::of(PUT_ALL, &error).into(),
        })
    }

    pub(super) async fn get_by_sdk(&self, key: Item) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(&*self.table).consistent_read(true).set_key(Some(key));
        Box::pin(get.send()).await.map(|answer| answer.item).map_err(|e| Error::of(GET, &e))
    }

    pub(super) async fn update_by_sdk(&self, key: Item, update: Update) -> Result<Updated, Error> {
        let Update { expression, condition, names, values, answer } = update;
        let whole = answer == RowAnswer::Whole;
        let update = self.client.update_item().table_name(&*self.table).set_key(Some(key));
        let update = update
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .set_return_values(whole.then_some(ReturnValue::AllNew))
            .set_return_values_on_condition_check_failure(whole.then_some(OnFailure::AllOld));
        let error = match Box::pin(update.send()).await {
            Ok(answer) => return Ok(Updated::Written(answer.attributes.unwrap_or_default())),
            Err(e) => e,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Updated::Refused(failed.item().cloned()))
            }
            _ => Err(Error::of(UPDATE, &error)),
        }
    }
}
