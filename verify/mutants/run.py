#!/usr/bin/env python3
"""Removes each guard of the write protocol from the code in turn, and expects that a test fails: `just mutants`.

Works on a copy of HEAD under target/, so that the checkout stays as it is. A guard whose text is not in the code any
more is an error: a change of a guard is a change of this file too.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants" / "copy"
BUILT = ROOT / "target" / "mutants" / "built"

# The name of the guard, the file, its text, and the text without it. Tuples have several places of
# one file.
GUARDS = [
    (
        "If-Match on an overwrite",
        "shared/stores/src/status_store.rs",
        "Some(etag) => put.if_match(etag),",
        "Some(_) => put,",
    ),
    (
        "If-None-Match on the first object",
        "shared/stores/src/status_store.rs",
        'encode(object)?).if_none_match("*").send()',
        "encode(object)?).send()",
    ),
    (
        "dropping a status that is not newer",
        "shared/stores/src/status_store.rs",
        "Some(s) if s.revision >= object.revision => return Ok(Published::NotOlder),\n                standing => standing.map(|s| s.etag),\n            };\n        }\n        Err(",
        "standing => standing.map(|s| s.etag),\n            };\n        }\n        Err(",
    ),
    (
        "the condition on the revision",
        "shared/stores/src/orders.rs",
        'let mut condition = "#revision = :before".to_owned();',
        'let mut condition = "(#revision = :before OR attribute_exists(#revision))".to_owned();',
    ),
    (
        "the condition that a lease has still ended",
        "shared/stores/src/orders.rs",
        "if let Some(now) = free_at {",
        "if let Some(now) = free_at.filter(|_| false) {",
    ),
    (
        "a final status never changes",
        "shared/domain/src/transition.rs",
        "if self.status.is_final() && !(redrive && self.status == Status::Failed) {",
        "if false && !(redrive && self.status == Status::Failed) {",
    ),
    (
        "a lease is respected",
        "shared/domain/src/claim.rs",
        "record.lease.as_ref().filter(|l| l.until > now) {",
        "record.lease.as_ref().filter(|l| l.until > now && false) {",
    ),
    (
        "deleting the message only after the final status is published",
        "worker/src/job/record.rs",
        ('    let shown = insist("show the end of an order", None, show).await;', "    delivery.complete().await\n}\n\n/// Makes"),
        ('    delivery.complete().await?;\n    let shown = insist("show the end of an order", None, show).await;', "    Ok(())\n}\n\n/// Makes"),
    ),
    (
        "publishing an ended order again at a second delivery",
        "shared/domain/src/claim.rs",
        "if state.status.is_final() {\n        return Decision::Republish;",
        "if state.status.is_final() {\n        return Decision::Wait(Duration::from_secs(3_600));",
    ),
    (
        "the sweeper",
        "worker/src/sweeper.rs",
        "for id in stores.orders.unsent(before, BATCH).await? {",
        "for id in Vec::new() {\n        let _ = before;",
    ),
    (
        "the consumer of dead letters",
        "worker/src/lib.rs",
        "if let Some(queue) = worker.stores.dead_letters.clone() {",
        "if let Some(queue) = worker.stores.dead_letters.clone().filter(|_| false) {",
    ),
    (
        "an order is withdrawn only while no worker has it",
        "shared/stores/src/due.rs",
        'attribute_not_exists(pk) OR (#r = :one AND #due = :send)',
        'attribute_not_exists(pk) OR #r = :one OR #due = :send OR attribute_exists(pk)',
    ),
    (
        "an idempotency key belongs to one order",
        "shared/stores/src/orders.rs",
        'write = self.client.transact_write_items().transact_items(self.put_new(key_item)?);',
        'write = self.client.transact_write_items();\n        drop(key_item);',
    ),
]

TESTS = [
    ["cargo", "test", "--no-fail-fast", "-p", "offload-domain", "-p", "offload-service", "-p", "offload-stores", "--lib"],
    ["cargo", "test", "--no-fail-fast", "-p", "offload-tests", "--test", "system", "--",
     "stores::", "resilience::", "idempotency::", "outages::"],
    ["cargo", "test", "--no-fail-fast", "-p", "offload-verify", "--test", "bounded"],
]  # fmt: skip


def run(command):
    env = {**os.environ, "CARGO_TARGET_DIR": str(BUILT), "CARGO_TERM_COLOR": "never"}
    done = subprocess.run(command, cwd=COPY, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def failing():
    """The tests that fail, or None if the code does not compile."""
    failed = []
    code, text = run(["cargo", "build", "-p", "offload-api", "-p", "offload-worker", "--bins"])
    if code != 0:
        print(text[-3000:])
        return None
    for command in TESTS:
        code, text = run(command)
        if "error: could not compile" in text:
            print(text[-3000:])
            return None
        failed += sorted(set(re.findall(r"^test (\S+) \.\.\. FAILED", text, re.M)))
        if code != 0 and not failed:
            failed.append("(the run itself)")
    return failed


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--only", metavar="TEXT", help="only guards whose name contains this")
    only = args.parse_args().only
    subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
    if COPY.exists():
        subprocess.run(["git", "worktree", "remove", "--force", str(COPY)], cwd=ROOT, check=True)
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(COPY), "HEAD"], cwd=ROOT, check=True)
    survived = 0
    try:
        intact = failing()
        print(f"| {'nothing':60} | {', '.join(intact or []) or 'none, as expected'} |", flush=True)
        if intact != []:
            return "the tests fail without any change"
        for name, path, before, after in GUARDS:
            if only and only not in name:
                continue
            file = COPY / path
            text = mutant = file.read_text()
            pairs = zip(before, after) if isinstance(before, tuple) else [(before, after)]
            for old, new in pairs:
                if text.count(old) != 1:
                    return f"{path}: {old!r} is there {text.count(old)} times"
                mutant = mutant.replace(old, new)
            file.write_text(mutant)
            found = failing()
            file.write_text(text)
            if found is None:
                return f"without {name} the code does not compile"
            survived += not found
            print(f"| {name:60} | {', '.join(found) or 'NONE'} |", flush=True)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(COPY)], cwd=ROOT, check=False)
    return f"{survived} guards can be removed without a failing test" if survived else 0


sys.exit(main())
