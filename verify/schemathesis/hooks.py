"""What no schema can say about an order that is to be taken."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes an order that the document calls valid one that this deployment takes."""
    if not (case.meta and case.meta.generation.mode.is_positive):
        return
    # A cursor comes from an earlier page of the same list.
    if case.operation.path == "/admin/orders" and case.query:
        case.query.pop("after", None)
        # A filter has a language of its own, and stands for these.
        if "q" in case.query:
            case.query = {"q": "state:open kind:report"}
    # The same filter, and nothing is done.
    if case.operation.path == "/admin/actions" and isinstance(case.body, dict) and "filter" in case.body:
        case.body |= {"filter": "kind:nothing", "dry_run": True}
    # A key may be made up again, with another order, which is refused.
    key = (case.headers or {}).get("Idempotency-Key")
    if key:
        new = uuid.uuid4().hex
        case.headers["Idempotency-Key"] = f'"{new}{key[1:]}' if key.startswith('"') and len(key) < 200 else new
    options = case.body.get("options") if isinstance(case.body, dict) else None
    if not isinstance(options, dict):
        return
    # Webhooks are checked by the policy, and the default one wants https and a public address.
    if "webhook_url" in options:
        options["webhook_url"] = "https://example.com/hook"
    # A deadline that is over before the order may start is a contradiction of two members.
    if "deadline_seconds" in options:
        options.pop("delay_seconds", None)
