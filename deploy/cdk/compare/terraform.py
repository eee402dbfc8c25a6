"""What a deployment by Terraform made, as CloudFormation names it: properties by type and name."""

import json
import re

import translate
from cloudformation import NAMES


class Deployment:
    """`state` is Terraform's, with all that AWS said."""

    def __init__(self, state):
        self.by_type = {}
        for resource in state["resources"]:
            if resource["mode"] == "managed":
                made = self.by_type.setdefault(resource["type"], [])
                made += [instance["attributes"] for instance in resource["instances"]]
        self.by_type = json.loads(self.named(json.dumps(self.by_type)))

    def of(self, kind):
        return self.by_type.get(f"aws_{kind}", [])

    def resources(self):
        found = {}
        known = {*TRANSLATED, *BELONGING, *NOT_OF_THE_SERVICE}
        if unknown := {kind.removeprefix("aws_") for kind in self.by_type} - known:
            raise KeyError(f"deploy/cdk/compare does not know aws_{', aws_'.join(unknown)}")
        for kind, (cloudformation, properties_of) in TRANSLATED.items():
            for made in self.of(kind):
                properties = properties_of(self, made)
                name = " ".join(str(value_at(properties, path)) for path in NAMES[cloudformation].split())
                found[f"{cloudformation} {name}"] = properties
        return found

    def named(self, text):
        """With names in place of what AWS made up."""
        for api in self.of("apigatewayv2_api"):
            text = text.replace(api["id"], "http" if api["protocol_type"] == "HTTP" else "websocket")
        for route in self.of("apigatewayv2_route"):
            text = text.replace(f'"{route["id"]}"', json.dumps(route["route_key"]))
        for integration in self.of("apigatewayv2_integration"):
            text = text.replace(integration["id"], "integration")
        for authorizer in self.of("apigatewayv2_authorizer"):
            text = text.replace(authorizer["id"], "authorizer")
        text = re.sub(r"http://[^/\"]+/(\d{12})/", r"https://sqs.eu-west-1.amazonaws.com/\1/", text)
        # Aliases are compared by themselves, not as what is called.
        text = re.sub(r"(:function:[\w-]+):live\b", r"\1", text)
        return re.sub(r"/stream/[^\"\\]+", "/stream/*", text)


def value_at(properties, path):
    for part in path.split("."):
        properties = properties[part]
    return properties


TRANSLATED = {
    "apigatewayv2_api": ("AWS::ApiGatewayV2::Api", translate.picked("name description protocol_type route_selection_expression")),
    "apigatewayv2_api_mapping": ("AWS::ApiGatewayV2::ApiMapping", translate.picked("api_id domain_name stage")),
    "apigatewayv2_authorizer": ("AWS::ApiGatewayV2::Authorizer", translate.authorizer),
    "apigatewayv2_domain_name": ("AWS::ApiGatewayV2::DomainName", translate.domain),
    "apigatewayv2_integration": ("AWS::ApiGatewayV2::Integration", translate.picked("api_id integration_type integration_uri payload_format_version")),
    "apigatewayv2_route": ("AWS::ApiGatewayV2::Route", translate.picked("api_id route_key target authorization_type authorizer_id route_response_selection_expression")),
    "apigatewayv2_route_response": ("AWS::ApiGatewayV2::RouteResponse", translate.picked("api_id route_id route_response_key")),
    "apigatewayv2_stage": ("AWS::ApiGatewayV2::Stage", translate.stage),
    "appautoscaling_policy": ("AWS::ApplicationAutoScaling::ScalingPolicy", translate.scaling_policy),
    "appautoscaling_target": ("AWS::ApplicationAutoScaling::ScalableTarget", translate.picked("service_namespace scalable_dimension resource_id min_capacity max_capacity")),
    "budgets_budget": ("AWS::Budgets::Budget", translate.budget),
    "cloudwatch_dashboard": ("AWS::CloudWatch::Dashboard", lambda of, d: {"DashboardName": d["dashboard_name"], "DashboardBody": json.loads(d["dashboard_body"])}),
    "cloudwatch_log_group": ("AWS::Logs::LogGroup", translate.picked("retention_in_days kms_key_id", LogGroupName="name")),
    "cloudwatch_log_metric_filter": ("AWS::Logs::MetricFilter", translate.metric_filter),
    "cloudwatch_metric_alarm": ("AWS::CloudWatch::Alarm", translate.alarm),
    "dynamodb_table": ("AWS::DynamoDB::Table", translate.table),
    "ecs_cluster": ("AWS::ECS::Cluster", lambda of, c: {"ClusterName": c["name"], "ClusterSettings": translate.camelled(c["setting"])}),
    "ecs_service": ("AWS::ECS::Service", translate.service),
    "ecs_task_definition": ("AWS::ECS::TaskDefinition", translate.task),
    "iam_role": ("AWS::IAM::Role", translate.role),
    "lambda_alias": ("AWS::Lambda::Alias", translate.picked("function_name name")),
    "lambda_event_source_mapping": ("AWS::Lambda::EventSourceMapping", translate.event_source),
    "lambda_function": ("AWS::Lambda::Function", translate.function),
    "lambda_permission": ("AWS::Lambda::Permission", translate.permission),
    "route53_record": ("AWS::Route53::RecordSet", translate.record),
    "s3_bucket": ("AWS::S3::Bucket", translate.bucket),
    "scheduler_schedule": ("AWS::Scheduler::Schedule", translate.schedule),
    "ssm_parameter": ("AWS::SSM::Parameter", translate.picked("name type")),
    "sqs_queue": ("AWS::SQS::Queue", translate.queue),
}

# What CloudFormation has as a property of another resource.
BELONGING = {
    "iam_role_policy", "iam_role_policy_attachment", "s3_bucket_cors_configuration", "s3_bucket_lifecycle_configuration",
    "s3_bucket_ownership_controls", "s3_bucket_policy", "s3_bucket_public_access_block",
    "s3_bucket_server_side_encryption_configuration", "s3_bucket_versioning", "sqs_queue_policy", "sqs_queue_redrive_allow_policy",
}  # fmt: skip

# The example's own.
NOT_OF_THE_SERVICE = {"sns_topic"}
