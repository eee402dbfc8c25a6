"""The guards of the write protocol: the name of each, the file, its text, and the text without
it."""

GUARDS = [
    (
        "If-Match on an overwrite",
        "shared/stores/src/bucket.rs",
        [
            (
                "If::Match(etag) => (header::IF_MATCH, etag),",
                'If::Match(_) => (header::IF_MATCH, ANY),',
            ),
        ],
    ),
    (
        "If-None-Match on the first object",
        "shared/stores/src/bucket.rs",
        [
            (
                "If::Absent => (header::IF_NONE_MATCH, ANY),",
                'If::Absent => (header::CONTENT_LANGUAGE, "en"),',
            ),
        ],
    ),
    (
        "dropping a status that is not newer",
        "shared/stores/src/status_store.rs",
        [
            (
                "                Current::Object { revision, .. } if *revision >= object.revision => return Ok(Overwritten::NotOlder),\n",
                "",
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
                "if let Some(ended_by) = ended_by {",
                "if let Some(ended_by) = ended_by.filter(|_| false) {",
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
                "if let Some(left) = lease_left(record.lease.as_ref(), time) {",
                "if let Some(left) = lease_left(record.lease.as_ref(), time).filter(|_| false) {",
            ),
        ],
    ),
    (
        "a lease lasts by the latest time that its holder may have",
        "shared/domain/src/claim.rs",
        [
            (
                "time.latest() + TimeDelta::from_std(term)",
                "time.now + TimeDelta::from_std(term)",
            ),
        ],
    ),
    (
        "a lease is over by the earliest time that others may have",
        "shared/domain/src/claim.rs",
        [
            (
                "let left = lease?.until - time.earliest();",
                "let left = lease?.until - time.now;",
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
        "a first order waits until the time is known",
        "api/src/acceptance.rs",
        [
            (
                "service.know_the_time().await?;",
                "",
            ),
        ],
    ),
    (
        "an idempotency key belongs to one order",
        "shared/stores/src/orders.rs",
        [
            (
                "self.rows.put_all(&record.order.id.to_string(), vec![key_item, item]).await;",
                "self.rows.put(item).await.map_err(NotAll::from);\n        drop(key_item);",
            ),
        ],
    ),
    (
        "orders of a batch that failed are taken back",
        "shared/lifecycle/src/accept_batch.rs",
        [("if batch != Batch::Unkeyed {", "if true {")],
    ),
    (
        "a message of a batch that SQS refused is not taken as sent",
        "shared/stores/src/queue/batch.rs",
        [("failed.into_iter().for_each(|(n, error)| results[n] = Err(error));\n        if", "drop(failed);\n        if")],
    ),
    (
        "the end of an order of a group is counted before the order leaves the index",
        "shared/lifecycle/src/publish.rs",
        [("count_end(stores, record).await?;", "drop(count_end(stores, record).await);")],
    ),
    (
        "an end of a group that was counted before is published again",
        "shared/lifecycle/src/group.rs",
        [("Counted::Before(group) => publish(stores, &group).await,\n        Counted::Now(_)", "Counted::Before(_) | Counted::Now(_)")],
    ),
    (
        "the sweeper",
        "shared/lifecycle/src/sweep.rs",
        [
            (
                "for id in stores.orders.due(now(), BATCH).await? {",
                "for id in Vec::new() {",
            ),
        ],
    ),
    (
        "an order keeps its entry in the index when it ends",
        "shared/stores/src/orders.rs",
        [
            (
                "let due = due_at.map(entry).into_iter().flatten();",
                "let ended = state.status.is_final().then(|| [(DUE.to_owned(), None), (DUE_AT.to_owned(), None)]);\n"
                "        let due = ended.or(due_at.map(entry)).into_iter().flatten();",
            ),
        ],
    ),
    (
        "an order leaves the index only at the revision that was published",
        "shared/stores/src/due.rs",
        [
            (
                '"#r = :r AND #due = :open".to_owned()',
                '"(#r = :r OR attribute_exists(#r)) AND #due = :open".to_owned()',
            ),
        ],
    ),
    (
        "a lost message is sent again",
        "shared/lifecycle/src/sweep.rs",
        [
            (
                "enqueue::again(stores, &record, now).await.map(|()| Done::Sent)",
                "Ok(Done::Sent)",
            ),
        ],
    ),
    (
        "an order is withdrawn only while no worker has it",
        "shared/stores/src/due.rs",
        [
            (
                'condition_expression("attribute_not_exists(#r) OR #r = :one")',
                'condition_expression("attribute_not_exists(#r) OR #r = :one OR attribute_exists(#r)")',
            ),
        ],
    ),
    (
        "a late write of a withdrawn order fails",
        "shared/stores/src/rows.rs",
        [
            (
                'const NEW: &str = "attribute_not_exists(pk)";',
                'const NEW: &str = "attribute_not_exists(revision)";',
            ),
        ],
    ),
    (
        "the client gets its 503 after the order was withdrawn",
        "shared/lifecycle/src/accept.rs",
        [
            (
                "refused.outcome = match stores.orders.withdraw(record).await {",
                "refused.outcome = match Ok::<bool, Error>(true) {",
            ),
        ],
    ),
    (
        "each attempt has a key of its own for its result",
        "shared/domain/src/id.rs",
        [
            (
                'format!("results/{}/{self}/{fence}/{}", self.shard(), plain_name(file_name))',
                'format!("results/{}/{self}/{}/{}", self.shard(), fence.generation * 0, plain_name(file_name))',
            ),
        ],
    ),
    (
        "nothing is written for a row that cannot be stored",
        "shared/lifecycle/src/accept.rs",
        [
            (
                "if health.is_failing() {",
                "if health.failing.load(Ordering::Relaxed) && false {",
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
        "a long order is published before its first poll",
        "shared/domain/src/publication.rs",
        [
            (
                "polled_after.max(SHORT).max(rules.processing_after)",
                "(polled_after * 2).max(SHORT).max(rules.processing_after)",
            ),
        ],
    ),
    (
        "short work is published as its end alone",
        "shared/domain/src/publication.rs",
        [
            (
                "polled_after.max(SHORT).max(rules.processing_after)",
                "polled_after.max(rules.processing_after)",
            ),
        ],
    ),
    (
        "progress for people has a budget",
        "shared/domain/src/publication.rs",
        [
            (
                "quarter(Some(latest)) > quarter(self.written_report.as_ref())",
                "quarter(Some(latest)) >= quarter(self.written_report.as_ref())",
            ),
        ],
    ),
    (
        "the event of an end comes after its object",
        "shared/lifecycle/src/publish.rs",
        [
            (
                "    let overwritten = stores.objects.overwrite(&object, etag).await?;\n    send_event(stores, record, object).await?;\n",
                "    send_event(stores, record, object.clone()).await?;\n    let overwritten = stores.objects.overwrite(&object, etag).await?;\n",
            ),
        ],
    ),
]
