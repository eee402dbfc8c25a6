"""What differs between two ways to make the same deployment, property by property."""

import fnmatch
import json
import pathlib
import re

# The table of the differences that there are, each with its reason.
TABLE = pathlib.Path(__file__).resolve().parents[1] / "README.md"

# Ids that an account makes up, or that an operator has.
MADE_UP = [
    (r"\b(subnet|sg)-[0-9a-f]+", r"\1-*"),
    (r":certificate/[0-9a-z-]+", ":certificate/*"),
    (r":key/[0-9a-z-]+", ":key/*"),
    (r"^(/hostedzone/\w+|Z0123456789)$", "zone"),
    # A log group's own ARN, and that of all its streams.
    (r"(:log-group:[^:]+):\*$", r"\1"),
]
# What a property is that is not set.
UNSET = {
    "AuthorizationType": "NONE",
    "BisectBatchOnFunctionError": False,
    "BucketKeyEnabled": False,
    "EnableSimpleResponses": False,
    "MaxSessionDuration": "3600",
    "MaximumBatchingWindowInSeconds": "0",
    "MaximumRetryAttempts": "0",
    "PayloadFormatVersion": "1.0",
    "RouteSelectionExpression": "$request.method $request.path",
    "VisibilityTimeout": "30",
}
# What is JSON within a text.
TEXTS = {"DashboardBody", "Format", "Pattern", "Input"}
# Terraform's come from the provider's settings, those of the CDK from `Tags.of`.
TAGS = {"Tags", "ResourceTags"}


# Rows of the table that a comparison needed.
used = set()


class Differs(AssertionError):
    pass


def statement_lines(policies):
    """A name for each action that is allowed or denied on a resource, however it is grouped."""
    lines = set()
    for policy in policies:
        for s in policy["PolicyDocument"]["Statement"]:
            of = [s["Effect"], *principals(s.get("Principal", "")), json.dumps(s.get("Condition", {}), sort_keys=True)]
            lines |= {named(" ".join([of[0], action, resource, *of[1:]])) for action in listed(s["Action"]) for resource in listed(s.get("Resource", ""))}
    return dict.fromkeys(sorted(lines), True)


def listed(value):
    return value if isinstance(value, list) else [value]


def canonical(value, name=""):
    """The same for what means the same: no order, no texts of JSON, nothing that is not set."""
    if name in TEXTS and isinstance(value, str):
        value = json.loads(value)
    if name == "AssumeRolePolicyDocument":
        return sorted(p for s in value["Statement"] for p in principals(s["Principal"]))
    if name == "Policies":
        return statement_lines(value)
    if isinstance(value, dict):
        made = {n: canonical(v, n) for n, v in value.items() if n not in TAGS}
        return {n: v for n, v in made.items() if v not in (None, {}, [], "") and v != UNSET.get(n)}
    if isinstance(value, list):
        return sorted((canonical(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return named(value)


def named(text):
    """With a name in place of each id that is made up."""
    for pattern, name in MADE_UP:
        text = re.sub(pattern, name, text)
    return text


def principals(principal):
    """A text for each."""
    if not isinstance(principal, dict):
        return [principal]
    return sorted("*" if who == "*" else f"{kind} {who}" for kind, of in principal.items() for who in listed(of))


def flat(value, path=""):
    """Values by the path of their property. A list is one value: what is in it has no name."""
    if isinstance(value, dict):
        for name, v in value.items():
            yield from flat(v, f"{path}.{name}" if path else name)
    else:
        yield path, value


def differences(terraform, other):
    """Rows of resource, property, and what either has."""
    for resource in sorted({*terraform, *other}):
        if resource not in other:
            yield resource, "", "there", "not there"
        elif resource not in terraform:
            yield resource, "", "not there", "there"
        else:
            one, two = (dict(flat(canonical(made[resource]))) for made in (terraform, other))
            for path in sorted({*one, *two}):
                if one.get(path) != two.get(path):
                    yield resource, path, one.get(path), two.get(path)


def known_differences():
    """Patterns of resource and property in the table of README.md."""
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| `AWS::")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [tuple(cell.strip("`") for cell in row[:2]) for row in cells]


def only_in(one, other):
    """What of a list is only there; else the value itself."""
    if isinstance(one, list) and isinstance(other, list):
        return [v for v in one if v not in other]
    return one


def compare(terraform, other):
    """Fails with each difference that the table does not have; else what was compared."""
    known = known_differences()
    new = []
    for resource, path, one, two in differences(terraform, other):
        rows = [row for row in known if fnmatch.fnmatchcase(resource, row[0]) and fnmatch.fnmatchcase(path, row[1])]
        used.update(rows)
        if not rows:
            new.append(f"{resource} {path}\n  Terraform: {only_in(one, two)}\n  here:      {only_in(two, one)}")
    if new:
        raise Differs(f"{len(new)} differences from Terraform that deploy/cdk/{TABLE.name} does not list:\n" + "\n".join(new))
    return f"{len(terraform)} resources agree"


def outdated():
    """Rows of the table that no comparison needed."""
    return [" ".join(row) for row in known_differences() if row not in used]
