#!/usr/bin/env python3
"""Makes a plan as JSON small: leaves what `offload doctor` reads.

    terraform show -json plan | python3 verify/doctor/prune.py >cli/tests/doctor/NAME.json

The plans that the tests break were made so, of infra/terraform/examples: before the first apply
(`fresh`), and after one to an account that moto plays (`verify/aws`).
"""

import json
import sys

# The attributes that are kept, by the type of the resource.
KEPT = {
    "aws_apigatewayv2_api": "protocol_type",
    "aws_apigatewayv2_domain_name": "domain_name domain_name_configuration",
    "aws_apigatewayv2_stage": "api_id default_route_settings name",
    "aws_cloudwatch_metric_alarm": "dimensions metric_query",
    "aws_dynamodb_table": "global_secondary_index hash_key range_key server_side_encryption ttl",
    "aws_ecs_service": "desired_count task_definition",
    "aws_ecs_task_definition": "container_definitions family task_role_arn",
    "aws_iam_role": "",
    "aws_iam_role_policy": "policy role",
    "aws_iam_role_policy_attachment": "policy_arn role",
    "aws_lambda_alias": "function_name name",
    "aws_lambda_event_source_mapping": "enabled event_source_arn function_name function_response_types",
    "aws_lambda_function": "environment function_name role timeout",
    "aws_s3_bucket": "bucket",
    "aws_s3_bucket_cors_configuration": "bucket cors_rule",
    "aws_s3_bucket_lifecycle_configuration": "bucket rule transition_default_minimum_object_size",
    "aws_s3_bucket_policy": "bucket policy",
    "aws_s3_bucket_public_access_block": "block_public_acls block_public_policy bucket ignore_public_acls restrict_public_buckets",
    "aws_s3_bucket_server_side_encryption_configuration": "bucket rule",
    "aws_sqs_queue": "kms_master_key_id message_retention_seconds policy redrive_policy url visibility_timeout_seconds",
    "aws_sqs_queue_policy": "policy queue_url",
}
# What names a resource.
NAMES = ("arn", "id", "name")


def main():
    plan = json.load(sys.stdin)
    small = {
        "format_version": plan["format_version"],
        "planned_values": {"root_module": module(plan["planned_values"]["root_module"])},
        "resource_changes": [c for change in plan["resource_changes"] if (c := unknown(change))],
        "configuration": {"root_module": configured(plan["configuration"]["root_module"])},
    }
    # A resource a line, for differences that can be read.
    text = json.dumps(small, indent=None, separators=(",", ":"), sort_keys=True)
    print(text.replace('},{"address"', '},\n{"address"'))


def kept(kind, values):
    return {k: v for k, v in values.items() if k in (*KEPT[kind].split(), *NAMES) and v not in (None, "", [], {})}


def module(of):
    resources = [
        {k: r[k] for k in ("address", "index", "mode", "name", "type") if k in r} | {"values": kept(r["type"], r.get("values", {}))}
        for r in of.get("resources", [])
        if r["type"] in KEPT
    ]
    children = [m for child in of.get("child_modules", []) if (m := module(child)).keys() > {"address"}]
    whole = {"address": of.get("address"), "resources": resources, "child_modules": children}
    return {k: v for k, v in whole.items() if v}


def unknown(change):
    if change["type"] not in KEPT or not change["change"].get("after_unknown"):
        return None
    left = kept(change["type"], {k: v for k, v in change["change"]["after_unknown"].items() if v})
    return {"address": change["address"], "change": {"after_unknown": left}} if left else None


def configured(of):
    resources = [
        {"type": r["type"], "name": r["name"], "expressions": kept(r["type"], r.get("expressions", {}))}
        for r in of.get("resources", [])
        if r["type"] in KEPT
    ]
    calls = {name: {"module": configured(call["module"])} for name, call in of.get("module_calls", {}).items()}
    return {k: v for k, v in {"resources": resources, "module_calls": calls}.items() if v}


main()
