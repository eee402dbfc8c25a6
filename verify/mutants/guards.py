"""The guards of the write protocol: the name of each, the file, its text, and the text without
it."""

GUARDS = [
    (
        "If-Match on an overwrite",
        "shared/stores/src/status_store.rs",
        [
            (
                "Some(etag) => put.if_match(etag),",
                "Some(_) => put,",
            ),
        ],
    ),
    (
        "If-None-Match on the first object",
        "shared/stores/src/status_store.rs",
        [
            (
                'encode(object)?).if_none_match("*").send()',
                "encode(object)?).send()",
            ),
        ],
    ),
    (
        "dropping a status that is not newer",
        "shared/stores/src/status_store.rs",
        [
            (
                "            known = match self.current(&key).await? {\n                Some(s) if s.revision >= object.revision => return Ok(Overwritten::NotOlder),\n",
                "            known = match self.current(&key).await? {\n",
            ),
        ],
    ),
    (
        "the condition on the revision",
        "shared/stores/src/orders.rs",
        [
            (
                'let mut condition = "#revision = :before".to_owned();',
                'let mut condition = "(#revision = :before OR attribute_exists(#revision))".to_owned();',
            ),
        ],
    ),
    (
        "the condition that a lease has still ended",
        "shared/stores/src/orders.rs",
        [
            (
                "if let Some(now) = free_at {",
                "if let Some(now) = free_at.filter(|_| false) {",
            ),
        ],
    ),
    (
        "a final status never changes",
        "shared/domain/src/transition.rs",
        [
            (
                "if self.status.is_final() && !(redrive && self.status == Status::Failed) {",
                "if false && !(redrive && self.status == Status::Failed) {",
            ),
        ],
    ),
    (
        "a lease is respected",
        "shared/domain/src/claim.rs",
        [
            (
                "if let Some(left) = lease_left(record.lease.as_ref(), now) {",
                "if let Some(left) = lease_left(record.lease.as_ref(), now).filter(|_| false) {",
            ),
        ],
    ),
    (
        "a lease is over for others only a margin after its end",
        "shared/domain/src/claim.rs",
        [
            (
                "    now - LEASE_MARGIN\n",
                "    now\n",
            ),
        ],
    ),
    (
        "the time is that of AWS",
        "shared/service/src/clock.rs",
        [
            (
                "learned.discipline.learn(service, DatedAnswer { sent: self.sent, received, date });",
                "let _ = (service, DatedAnswer { sent: self.sent, received, date });",
            ),
        ],
    ),
    (
        "a request that was signed with a wrong time is tried again",
        "shared/stores/src/aws_time.rs",
        [
            (
                "if refused { RetryAction",
                "if refused && false { RetryAction",
            ),
        ],
    ),
    (
        "deleting the message only after the final status is published",
        "worker/src/job/settle.rs",
        [
            (
                '    if retry_until_done("publish the end of an order"',
                '    delivery.complete().await?;\n    if retry_until_done("publish the end of an order"',
            ),
            (
                "    delivery.complete().await\n}\n\n/// What an attempt",
                "    Ok(())\n}\n\n/// What an attempt",
            ),
        ],
    ),
    (
        "publishing an ended order again at a second delivery",
        "shared/domain/src/claim.rs",
        [
            (
                "if state.status.is_final() {\n        return Decision::Republish;",
                "if state.status.is_final() {\n        return Decision::Wait(Duration::from_secs(3_600));",
            ),
        ],
    ),
    (
        "the sweeper",
        "shared/lifecycle/src/sweep.rs",
        [
            (
                "for id in stores.orders.unsent(before, BATCH).await? {",
                "for id in Vec::new() {\n        let _ = before;",
            ),
        ],
    ),
    (
        "the consumer of dead letters",
        "worker/src/run.rs",
        [
            (
                "if let Some(queue) = worker.stores.dead_letters.clone() {",
                "if let Some(queue) = worker.stores.dead_letters.clone().filter(|_| false) {",
            ),
        ],
    ),
    (
        "an order is withdrawn only while no worker has it",
        "shared/stores/src/due.rs",
        [
            (
                "attribute_not_exists(pk) OR (#r = :one AND #due = :send)",
                "attribute_not_exists(pk) OR #r = :one OR #due = :send OR attribute_exists(pk)",
            ),
        ],
    ),
    (
        "an idempotency key belongs to one order",
        "shared/stores/src/orders.rs",
        [
            (
                "write = self.client.transact_write_items().transact_items(self.put_new(key_item)?);",
                "write = self.client.transact_write_items();\n        drop(key_item);",
            ),
        ],
    ),
]
