//! What every batch shares: checks on its entries, and an answer that tells which of them failed.
//! Pure.

use serde_json::{Value, json};

use super::fault::Fault;

const MAX_ENTRIES: usize = 10;

/// Checks the ids of a batch's entries.
pub(super) fn check_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let ids: Vec<&str> = ids.collect();
    let count = ids.len();
    if count == 0 {
        return Err(Fault::empty_batch());
    }
    if count > MAX_ENTRIES {
        return Err(Fault::too_many_entries(count));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    for (at, id) in ids.iter().enumerate() {
        if !(1..=80).contains(&id.len()) || !id.chars().all(allowed) {
            return Err(Fault::invalid_entry_id());
        }
        if ids[..at].contains(id) {
            return Err(Fault::repeated_entry(id));
        }
    }
    Ok(())
}

/// A batch's answer, from each entry's id and outcome. What an entry that succeeded answers is
/// completed by its id.
pub(super) fn answer(outcomes: Vec<(String, Result<Value, Fault>)>) -> Value {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for (id, outcome) in outcomes {
        match outcome {
            Ok(mut value) => {
                value["Id"] = id.into();
                successful.push(value);
            }
            Err(fault) => failed.push(json!({
                "Id": id,
                "SenderFault": fault.is_senders(),
                "Code": fault.code,
                "Message": fault.message,
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_one_to_ten_distinct_sound_ids() {
        let check = |ids: &[&'static str]| check_ids(ids.iter().copied()).map_err(|fault| fault.code);
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
