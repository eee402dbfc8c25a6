"""Resources of Terraform as CloudFormation names their properties: a function for each type.

`of` is the deployment, for what CloudFormation has as a property and Terraform as a resource.
"""

import json


def block(values):
    """The one block of a kind, which Terraform has as a list."""
    return values[0] if values else {}


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def camelled(value):
    """Names as CloudFormation writes them, and nothing that is not set."""
    if isinstance(value, list):
        return [camelled(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {camel(name): camelled(v) for name, v in value.items() if v not in (None, "", [], {})}


def statements(policy):
    return {"PolicyDocument": json.loads(policy)}


def queue(of, q):
    policies = [p["policy"] for p in of.of("sqs_queue_policy") if p["queue_url"] == q["url"]]
    allows = [p["redrive_allow_policy"] for p in of.of("sqs_queue_redrive_allow_policy") if p["queue_url"] == q["url"]]
    return {
        "QueueName": q["name"],
        "VisibilityTimeout": q["visibility_timeout_seconds"],
        "MessageRetentionPeriod": q["message_retention_seconds"],
        "ReceiveMessageWaitTimeSeconds": q["receive_wait_time_seconds"],
        # moto leaves it as it is beside a key.
        "SqsManagedSseEnabled": None if q["kms_master_key_id"] else q["sqs_managed_sse_enabled"],
        "KmsMasterKeyId": q["kms_master_key_id"],
        "RedrivePolicy": json.loads(q["redrive_policy"] or "null"),
        "RedriveAllowPolicy": json.loads(allows[0]) if allows else None,
        "Policies": [statements(p) for p in policies],
    }


def table(of, t):
    def keys(hash_key, range_key):
        return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]

    indexes = [
        {"IndexName": i["name"], "KeySchema": keys(i["hash_key"], i["range_key"]), "Projection": {"ProjectionType": i["projection_type"]}}
        for i in t["global_secondary_index"]
    ]
    sse = block(t["server_side_encryption"])
    ttl = block(t["ttl"])
    return {
        "TableName": t["name"],
        "BillingMode": t["billing_mode"],
        "KeySchema": keys(t["hash_key"], t["range_key"]),
        "AttributeDefinitions": [{"AttributeName": a["name"], "AttributeType": a["type"]} for a in t["attribute"]],
        "GlobalSecondaryIndexes": indexes,
        "TimeToLiveSpecification": {"AttributeName": ttl["attribute_name"], "Enabled": ttl["enabled"]},
        "StreamSpecification": {"StreamViewType": t["stream_view_type"]} if t["stream_enabled"] else None,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": block(t["point_in_time_recovery"])["enabled"]},
        "DeletionProtectionEnabled": t["deletion_protection_enabled"],
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": sse["kms_key_arn"]} if sse.get("kms_key_arn") else None,
    }


def bucket(of, b):
    def of_bucket(kind):
        return next((r for r in of.of(f"s3_bucket_{kind}") if r["bucket"] == b["bucket"]), None)

    lifecycle = of_bucket("lifecycle_configuration")
    sse = block(of_bucket("server_side_encryption_configuration")["rule"])
    access = of_bucket("public_access_block")
    rules = [
        {
            "Id": r["id"],
            "Status": r["status"],
            "Prefix": block(r["filter"]).get("prefix"),
            "ExpirationInDays": block(r["expiration"]).get("days"),
            "Transitions": [{"StorageClass": t["storage_class"], "TransitionInDays": t["days"]} for t in r["transition"]],
            "AbortIncompleteMultipartUpload": camelled(block(r["abort_incomplete_multipart_upload"])),
        }
        for r in lifecycle["rule"]
    ]
    cors = [
        {
            "AllowedHeaders": c["allowed_headers"], "AllowedMethods": c["allowed_methods"], "AllowedOrigins": c["allowed_origins"],
            "ExposedHeaders": c["expose_headers"], "MaxAge": c["max_age_seconds"],
        }
        for c in of_bucket("cors_configuration")["cors_rule"]
    ]  # fmt: skip
    by_default = block(sse["apply_server_side_encryption_by_default"])
    encryption = {
        "BucketKeyEnabled": sse["bucket_key_enabled"],
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": by_default["sse_algorithm"], "KMSMasterKeyID": by_default["kms_master_key_id"]},
    }
    return {
        "BucketName": b["bucket"],
        "CorsConfiguration": {"CorsRules": cors},
        "LifecycleConfiguration": {
            "Rules": rules, "TransitionDefaultMinimumObjectSize": lifecycle["transition_default_minimum_object_size"],
        },
        "OwnershipControls": {"Rules": camelled(of_bucket("ownership_controls")["rule"])},
        "PublicAccessBlockConfiguration": {camel(k): v for k, v in access.items() if k.startswith(("block", "ignore", "restrict"))},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "Policies": [statements(of_bucket("policy")["policy"])],
    }  # fmt: skip


def role(of, r):
    return {
        "RoleName": r["name"],
        "Description": r["description"],
        "MaxSessionDuration": r["max_session_duration"],
        "AssumeRolePolicyDocument": json.loads(r["assume_role_policy"]),
        "Policies": [statements(p["policy"]) for p in of.of("iam_role_policy") if p["role"] == r["name"]],
        "ManagedPolicyArns": [a["policy_arn"] for a in of.of("iam_role_policy_attachment") if a["role"] == r["name"]],
    }


def function(of, f):
    vpc = block(f["vpc_config"])
    return {
        "FunctionName": f["function_name"], "Description": f["description"], "Role": f["role"], "Runtime": f["runtime"],
        "Handler": f["handler"], "Architectures": f["architectures"], "MemorySize": f["memory_size"], "Timeout": f["timeout"],
        "KmsKeyArn": f["kms_key_arn"], "Environment": {"Variables": block(f["environment"])["variables"]},
        "ReservedConcurrentExecutions": None if f["reserved_concurrent_executions"] == -1 else f["reserved_concurrent_executions"],
        "VpcConfig": vpc and {"SubnetIds": vpc["subnet_ids"], "SecurityGroupIds": vpc["security_group_ids"]},
        # Where nothing else is said.
        "LoggingConfig": {"LogGroup": block(f["logging_config"]).get("log_group") or f"/aws/lambda/{f['function_name']}"},
    }  # fmt: skip


def event_source(of, m):
    stream = block(m["destination_config"])
    return {
        "FunctionName": m["function_arn"], "EventSourceArn": m["event_source_arn"], "BatchSize": m["batch_size"],
        "MaximumBatchingWindowInSeconds": m["maximum_batching_window_in_seconds"],
        "FunctionResponseTypes": m["function_response_types"],
        "ScalingConfig": camelled(block(m["scaling_config"])),
        "ProvisionedPollerConfig": camelled(block(m["provisioned_poller_config"])),
        "StartingPosition": m["starting_position"],
        "BisectBatchOnFunctionError": m["bisect_batch_on_function_error"],
        "MaximumRetryAttempts": m["maximum_retry_attempts"],
        "FilterCriteria": {"Filters": [{"Pattern": json.loads(f["pattern"])} for f in block(m["filter_criteria"]).get("filter", [])]},
        "DestinationConfig": stream and {"OnFailure": {"Destination": block(stream["on_failure"])["destination_arn"]}},
    }  # fmt: skip


def stage(of, s):
    log = block(s["access_log_settings"])
    route = block(s["default_route_settings"])
    return {
        "ApiId": s["api_id"], "StageName": s["name"], "AutoDeploy": s["auto_deploy"],
        "AccessLogSettings": log and {"DestinationArn": log["destination_arn"], "Format": json.loads(log["format"])},
        "DefaultRouteSettings": {"ThrottlingRateLimit": route["throttling_rate_limit"], "ThrottlingBurstLimit": route["throttling_burst_limit"]},
    }  # fmt: skip


def alarm(of, a):
    def metric(m):
        return {
            "Namespace": m["namespace"], "MetricName": m["metric_name"],
            "Dimensions": [{"Name": n, "Value": v} for n, v in (m["dimensions"] or {}).items()],
        }  # fmt: skip

    queries = [
        {
            "Id": q["id"], "Label": q["label"], "Expression": q["expression"], "ReturnData": q["return_data"],
            "MetricStat": {"Metric": metric(m), "Stat": m["stat"], "Period": m["period"]} if (m := block(q["metric"])) else None,
        }
        for q in a["metric_query"]
    ]  # fmt: skip
    single = {} if queries else {**metric(a), "Statistic": a["statistic"], "Period": a["period"]}
    return {
        "AlarmName": a["alarm_name"], "AlarmDescription": a["alarm_description"], "Metrics": queries, **single,
        "EvaluationPeriods": a["evaluation_periods"], "Threshold": a["threshold"], "ComparisonOperator": a["comparison_operator"],
        "TreatMissingData": a["treat_missing_data"], "AlarmActions": a["alarm_actions"], "OKActions": a["ok_actions"],
    }  # fmt: skip


def metric_filter(of, f):
    m = block(f["metric_transformation"])
    return {
        "FilterName": f["name"], "LogGroupName": f["log_group_name"], "FilterPattern": f["pattern"],
        "MetricTransformations": [{
            "MetricNamespace": m["namespace"], "MetricName": m["name"], "MetricValue": m["value"],
            "Unit": None if m["unit"] == "None" else m["unit"],
            "Dimensions": [{"Key": k, "Value": v} for k, v in (m["dimensions"] or {}).items()],
        }],
    }  # fmt: skip


def budget(of, b):
    return {
        "Budget": {
            "BudgetName": b["name"], "BudgetType": b["budget_type"], "TimeUnit": b["time_unit"],
            "BudgetLimit": {"Amount": float(b["limit_amount"]), "Unit": b["limit_unit"]},
            "CostFilters": {f["name"]: f["values"] for f in b["cost_filter"]},
        },
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": n["notification_type"], "Threshold": n["threshold"],
                    "ThresholdType": n["threshold_type"], "ComparisonOperator": n["comparison_operator"],
                },
                "Subscribers": [{"SubscriptionType": "SNS", "Address": topic} for topic in n["subscriber_sns_topic_arns"]],
            }
            for n in b["notification"]
        ],
    }  # fmt: skip


def schedule(of, s):
    t = block(s["target"])
    return {
        "Name": s["name"], "Description": s["description"], "ScheduleExpression": s["schedule_expression"],
        "FlexibleTimeWindow": {"Mode": block(s["flexible_time_window"])["mode"]},
        "Target": {
            "Arn": t["arn"], "RoleArn": t["role_arn"], "Input": json.loads(t["input"]),
            "RetryPolicy": {"MaximumRetryAttempts": block(t["retry_policy"])["maximum_retry_attempts"]},
        },
    }  # fmt: skip


def domain(of, d):
    c = block(d["domain_name_configuration"])
    return {
        "DomainName": d["domain_name"],
        "DomainNameConfigurations": [{"CertificateArn": c["certificate_arn"], "EndpointType": c["endpoint_type"], "SecurityPolicy": c["security_policy"]}],
    }


def record(of, r):
    return {
        "Name": r["name"], "Type": r["type"], "HostedZoneId": r["zone_id"],
        "AliasTarget": {
            "DNSName": f"domain of {r['name']}", "HostedZoneId": f"zone of {r['name']}",
            "EvaluateTargetHealth": block(r["alias"])["evaluate_target_health"],
        },
    }  # fmt: skip


def authorizer(of, a):
    jwt = block(a["jwt_configuration"])
    return {
        "ApiId": a["api_id"], "Name": a["name"], "AuthorizerType": a["authorizer_type"], "IdentitySource": a["identity_sources"],
        "JwtConfiguration": jwt and {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
        "AuthorizerUri": a["authorizer_uri"], "AuthorizerPayloadFormatVersion": a["authorizer_payload_format_version"],
        "EnableSimpleResponses": a["enable_simple_responses"], "AuthorizerResultTtlInSeconds": a["authorizer_result_ttl_in_seconds"] or None,
    }  # fmt: skip


def service(of, s):
    n = block(s["network_configuration"])
    return {
        "ServiceName": s["name"], "Cluster": s["cluster"].rsplit("/")[-1], "LaunchType": s["launch_type"],
        "TaskDefinition": s["task_definition"].rsplit("/")[-1].split(":")[0], "DesiredCount": s["desired_count"],
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": s["deployment_minimum_healthy_percent"], "MaximumPercent": s["deployment_maximum_percent"],
            "DeploymentCircuitBreaker": camelled(block(s["deployment_circuit_breaker"])),
        },
        "NetworkConfiguration": {"AwsvpcConfiguration": {
            "Subnets": n["subnets"], "SecurityGroups": n["security_groups"],
            "AssignPublicIp": "ENABLED" if n["assign_public_ip"] else "DISABLED",
        }},
    }  # fmt: skip


def task(of, t):
    def container(c):
        options = c["logConfiguration"].pop("options")
        kept = {"environment", "essential", "image", "logConfiguration", "name", "secrets", "stopTimeout"}
        made = camelled({name: v for name, v in c.items() if name in kept})
        made["LogConfiguration"]["Options"] = options
        return made

    return {
        "Family": t["family"], "RequiresCompatibilities": t["requires_compatibilities"], "NetworkMode": t["network_mode"],
        "Cpu": t["cpu"], "Memory": t["memory"], "ExecutionRoleArn": t["execution_role_arn"], "TaskRoleArn": t["task_role_arn"],
        "RuntimePlatform": camelled(block(t["runtime_platform"])),
        "ContainerDefinitions": [container(c) for c in json.loads(t["container_definitions"])],
    }  # fmt: skip


def scaling_policy(of, p):
    c = block(p["target_tracking_scaling_policy_configuration"])

    def stat(s):
        m = block(s["metric"])
        return {"Stat": s["stat"], "Metric": {"Namespace": m["namespace"], "MetricName": m["metric_name"], "Dimensions": camelled(m["dimensions"])}}

    metrics = [
        {
            "Id": m["id"], "Label": m["label"], "Expression": m["expression"], "ReturnData": m["return_data"],
            "MetricStat": stat(block(m["metric_stat"])) if m["metric_stat"] else None,
        }
        for m in block(c["customized_metric_specification"])["metrics"]
    ]  # fmt: skip
    return {
        "PolicyName": p["name"], "PolicyType": p["policy_type"], "ScalingTargetId": "target",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": c["target_value"], "ScaleOutCooldown": c["scale_out_cooldown"], "ScaleInCooldown": c["scale_in_cooldown"],
            "CustomizedMetricSpecification": {"Metrics": metrics},
        },
    }  # fmt: skip


def picked(names, **more):
    """Attributes that only have another way of writing."""

    def translate(of, made):
        return {**{camel(name): made.get(name) for name in names.split()}, **{to: made.get(name) for to, name in more.items()}}

    return translate


def permission(of, p):
    # An alias is the permission's qualifier.
    arn = p["function_name"] if p["function_name"].startswith("arn:") else next(
        f["arn"] for f in of.of("lambda_function") if f["function_name"] == p["function_name"])  # fmt: skip
    return {"FunctionName": arn, "Action": p["action"], "Principal": p["principal"], "SourceArn": p["source_arn"]}
