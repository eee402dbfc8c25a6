"""What a template of CloudFormation makes: its resources by name, with its functions applied."""

import re

# Those of the account that moto plays.
ACCOUNT, REGION = "123456789012", "eu-west-1"

PSEUDO = {
    "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}  # fmt: skip

# By what a resource is known, if it is not its name.
NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::ApiGatewayV2::Route": "ApiId RouteKey",
    "AWS::ApiGatewayV2::RouteResponse": "RouteId RouteResponseKey",
    "AWS::ApiGatewayV2::Integration": "ApiId",
    "AWS::ApiGatewayV2::Stage": "ApiId StageName",
    "AWS::ApiGatewayV2::Authorizer": "Name",
    "AWS::ApiGatewayV2::DomainName": "DomainName",
    "AWS::ApiGatewayV2::ApiMapping": "DomainName",
    "AWS::ApplicationAutoScaling::ScalableTarget": "ResourceId",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::Budgets::Budget": "Budget.BudgetName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::EventSourceMapping": "FunctionName EventSourceArn",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName SourceArn",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::Route53::RecordSet": "Name Type",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    # Of Terraform alone.
    "AWS::Lambda::Alias": "FunctionName Name",
    "AWS::SSM::Parameter": "Name",
}

# What a resource's Arn and other attributes are, from its properties.
ATTRIBUTES = {
    "AWS::SQS::Queue.Arn": "arn:aws:sqs:{region}:{account}:{QueueName}",
    "AWS::SQS::Queue.QueueName": "{QueueName}",
    "AWS::DynamoDB::Table.Arn": "arn:aws:dynamodb:{region}:{account}:table/{TableName}",
    "AWS::DynamoDB::Table.StreamArn": "arn:aws:dynamodb:{region}:{account}:table/{TableName}/stream/*",
    "AWS::S3::Bucket.Arn": "arn:aws:s3:::{BucketName}",
    "AWS::IAM::Role.Arn": "arn:aws:iam::{account}:role/{RoleName}",
    "AWS::Lambda::Function.Arn": "arn:aws:lambda:{region}:{account}:function:{FunctionName}",
    "AWS::Logs::LogGroup.Arn": "arn:aws:logs:{region}:{account}:log-group:{LogGroupName}:*",
    "AWS::ApiGatewayV2::Api.ApiEndpoint": "{scheme}://{api}.execute-api.{region}.amazonaws.com",
    "AWS::ApiGatewayV2::DomainName.RegionalDomainName": "domain of {DomainName}",
    "AWS::ApiGatewayV2::DomainName.RegionalHostedZoneId": "zone of {DomainName}",
    "AWS::ECS::Service.Name": "{ServiceName}",
    # What a Ref is, if not the resource's name.
    "AWS::SQS::Queue.Ref": "https://sqs.{region}.amazonaws.com/{account}/{QueueName}",
    "AWS::ApiGatewayV2::Api.Ref": "{api}",
    "AWS::ApiGatewayV2::Authorizer.Ref": "authorizer",
    "AWS::ApiGatewayV2::Integration.Ref": "integration",
    "AWS::ApiGatewayV2::Route.Ref": "{RouteKey}",
    "AWS::ApiGatewayV2::Stage.Ref": "{StageName}",
    "AWS::ApplicationAutoScaling::ScalableTarget.Ref": "target",
    "AWS::ECS::TaskDefinition.Ref": "{Family}",
    "AWS::SecretsManager::Secret.Ref": "arn:aws:secretsmanager:{region}:{account}:secret:{Name}",
}


class Template:
    """`given` are values of its parameters."""

    def __init__(self, template, given=None):
        self.made = template["Resources"]
        self.conditions = template.get("Conditions", {})
        parameters = template.get("Parameters", {})
        self.parameters = {name: (given or {}).get(name, p.get("Default")) for name, p in parameters.items()}

    def resources(self):
        """Properties by type and name. Policies are the resource's that they belong to."""
        found = {}
        policies = []
        for made in self.made.values():
            kind, properties = made["Type"], self.resolve(made.get("Properties", {}))
            if kind in ("AWS::IAM::Policy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
                policies.append(properties)
                continue
            if kind not in NAMES:
                raise KeyError(f"deploy/cdk/compare does not know {kind}")
            found[f"{kind} {self.name(kind, properties)}"] = properties
        for policy in policies:
            owners = [f"AWS::IAM::Role {role}" for role in policy.get("Roles", [])]
            owners += [f"AWS::SQS::Queue {url.rsplit('/')[-1]}" for url in policy.get("Queues", [])]
            owners += [f"AWS::S3::Bucket {policy['Bucket']}"] if "Bucket" in policy else []
            for owner in owners:
                found[owner].setdefault("Policies", []).append({"PolicyDocument": policy["PolicyDocument"]})
        return found

    def name(self, kind, properties):
        def value(path):
            of = properties
            for part in path.split("."):
                of = of[part]
            return str(of)

        return " ".join(value(path) for path in NAMES[kind].split())

    def resolve(self, value):
        if isinstance(value, list):
            return [r for v in value if (r := self.resolve(v)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            if function == "Ref":
                return self.reference(argument)
            if function == "Fn::GetAtt":
                return self.attribute(*(argument.split(".", 1) if isinstance(argument, str) else argument))
            if function == "Fn::Join":
                return argument[0].join(str(self.resolve(part)) for part in argument[1])
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: str(self.reference(found[1])), argument)
            if function == "Fn::If":
                return self.resolve(argument[1 if self.holds(self.conditions[argument[0]]) else 2])
            if function.startswith("Fn::"):
                raise KeyError(f"deploy/cdk/compare does not know {function}")
        return {name: r for name, v in value.items() if (r := self.resolve(v)) is not None}

    def holds(self, condition):
        if "Fn::Not" in condition:
            return not self.holds(condition["Fn::Not"][0])
        one, other = (self.resolve(v) for v in condition["Fn::Equals"])
        return one == other

    def reference(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.attribute(name, "Ref")

    def attribute(self, id, attribute):
        kind, properties = self.made[id]["Type"], self.made[id]["Properties"]
        pattern = ATTRIBUTES.get(f"{kind}.{attribute}") or "{%s}" % NAMES[kind] if attribute == "Ref" else ATTRIBUTES[f"{kind}.{attribute}"]
        names = {name: self.resolve(properties[name]) for name in re.findall(r"\{([A-Z]\w+)\}", pattern)}
        if "{api}" in pattern:
            http = properties["ProtocolType"] == "HTTP"
            names |= {"api": "http" if http else "websocket", "scheme": "https" if http else "wss"}
        return pattern.format(region=REGION, account=ACCOUNT, **names)
