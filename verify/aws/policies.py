"""What a linter of policies (parliament, PyPI) says of those that Terraform made."""

import json
import re

import parliament

# The time in the ARN of a table's stream, whose colons parliament takes for those of the ARN.
STREAM_LABEL = re.compile(r"(:table/[^/]+/stream/)[\d:.T-]+")


def findings(account):
    found = []
    for owner, document in account.policies():
        text = STREAM_LABEL.sub(r"\1*", json.dumps(document))
        policy = parliament.analyze_policy_string(text, ignore_private_auditors=True)
        found += [f"{owner}: {f.issue} {f.detail}" for f in policy.findings]
    return found


def count(account):
    return f"{len(list(account.policies()))} policies"
