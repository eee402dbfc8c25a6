//! What all batches have in common: checks of their entries, and a response that names those that
//! failed. Pure.

use serde_json::{Value, json};

use super::error::SqsError;

const MAX_ENTRIES: usize = 10;

/// Checks the ids of a batch's entries.
pub(super) fn check_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), SqsError> {
    let ids: Vec<&str> = ids.collect();
    let count = ids.len();
    if count == 0 {
        return Err(SqsError::empty_batch());
    }
    if count > MAX_ENTRIES {
        return Err(SqsError::too_many_entries(count));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    for (at, id) in ids.iter().enumerate() {
        if !(1..=80).contains(&id.len()) || !id.chars().all(allowed) {
            return Err(SqsError::invalid_entry_id());
        }
        if ids[..at].contains(id) {
            return Err(SqsError::repeated_entry(id));
        }
    }
    Ok(())
}

/// A batch's response, from each entry's id and result. The id is added to the values of entries
/// that succeeded.
pub(super) fn response(outcomes: Vec<(String, Result<Value, SqsError>)>) -> Value {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for (id, outcome) in outcomes {
        match outcome {
            Ok(mut value) => {
                value["Id"] = id.into();
                successful.push(value);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": error.is_senders(),
                "Code": error.code,
                "Message": error.message,
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_one_to_ten_distinct_valid_ids() {
        let check = |ids: &[&'static str]| check_ids(ids.iter().copied()).map_err(|error| error.code);
        assert_eq!(check(&["a", "b"]), Ok(()));
        assert_eq!(check(&[]), Err("AWS.SimpleQueueService.EmptyBatchRequest".to_owned()));
        assert_eq!(check(&["a", "a"]), Err("AWS.SimpleQueueService.BatchEntryIdsNotDistinct".to_owned()));
        assert_eq!(check(&["a b"]), Err("AWS.SimpleQueueService.InvalidBatchEntryId".to_owned()));
        assert_eq!(
            check(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
            Err("AWS.SimpleQueueService.TooManyEntriesInBatchRequest".to_owned())
        );
    }
}
