"""The set-ups: how each is applied, what is changed of it, and what is promised of it."""

import json

import doctor
import policies
import promises
import templates
from deployment import Deployment, Failed

# What an operator may set for the test to end: with it a destroy keeps the data.
UNPROTECTED = "  deletion_protection = false\n"

EVERY_CHANNEL = """
  events_from     = "stream"
  priorities      = true
  webhooks        = true
  event_topic_arn = "arn:aws:sns:eu-west-1:123456789012:events"
  step_functions  = true
  appsync_url     = "https://abc.appsync-api.eu-west-1.amazonaws.com/event"
  appsync_api_arn = "arn:aws:appsync:eu-west-1:123456789012:apis/abc"
"""

SECOND_DAY = """
  customer_key               = {{ arn = "{key}" }}
  vpc                        = {{ subnet_ids = ["{subnet}"], security_group_ids = ["{group}"] }}
  auth                       = "gateway"
  jwt                        = {{ issuer = "https://login.example.com", audience = "orders" }}
  allowed_cidrs              = ["192.0.2.0/24"]
  max_signature_age_seconds  = 600
  api_reserved_concurrency   = 20
  worker_provisioned_pollers = {{ minimum = 2, maximum = 4 }}
  status_transitions         = [{{ days = 30, storage_class = "STANDARD_IA" }}]
  status_expire_days         = 90
  share_work_logs            = true
"""

# What is changed of a deployment. Nothing is made anew by it.
VARIATIONS = [
    "worker_timeout_seconds = 900",
    "push = false",
    "retention_days = 7\n log_retention_days = 7\n status_expire_days = 7",
    "worker_max_concurrency = 50",
    'events_from = "stream"',
    "priorities = true",
    'architecture = "x86_64"',
    'allowed_cidrs = ["192.0.2.0/24"]\n max_signature_age_seconds = 600',
    'status_transitions = [{ days = 30, storage_class = "STANDARD_IA" }]\n status_expire_days = 90',
    "worker_provisioned_pollers = { minimum = 2, maximum = 4 }",
    "token_secret_version = 2",
]

# What is refused, and words of the message.
REFUSALS = {
    'worker_runtime = "fargate"': "needs fargate: the image, subnet_ids and security_groups",
    "worker_timeout_seconds = 901": "worker_timeout_seconds is from 5 to 900",
    "worker_provisioned_pollers = { minimum = 1, maximum = 1 }": "worker_provisioned_pollers",
    'name = "Other"': "name has 2 to 31 lower-case letters",
    'status_transitions = [{ days = 5, storage_class = "STANDARD_IA" }]': "early_infrequent_access",
    "max_signature_age_seconds = 600\n access = \"sts\"": 'max_signature_age_seconds needs access = "url"',
}


def minimal(account, home, programs, say):
    """What newcomers apply; and what each changed variable would change of it."""
    deployment = Deployment("minimal", account, home)
    apply(deployment, say)
    say(templates.compared("minimal", deployment.state()))
    vary(deployment, say)
    promised(deployment, programs, say, doctor.finds_each_fault_and_no_other)
    promised(deployment, programs, say, promises.no_secret_is_left, promises.each_function_starts, promises.an_order_ends_and_its_connection_is_notified)
    end(deployment, say)


def channels(account, home, programs, say):
    """Every channel of push, events from the table's stream, and orders with priorities."""
    deployment = Deployment("minimal", account, home, EVERY_CHANNEL)
    apply(deployment, say)
    say(templates.compared("channels", deployment.state()))
    promised(deployment, programs, say, promises.no_secret_is_left, promises.each_function_starts, promises.an_order_ends_and_its_connection_is_notified)
    end(deployment, say)


def production(account, home, programs, say):
    """Containers of one's own, a domain, alarms, webhooks."""
    topic = account.client("sns").create_topic(Name="alarms")["TopicArn"]
    ec2 = account.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(GroupName="workers", Description="Workers", VpcId=subnet["VpcId"])
    variables = {
        "image": "registry.example.com/render:1",
        "private_subnet_ids": json.dumps([subnet["SubnetId"]]),
        "worker_security_group_id": group["GroupId"],
        "alarm_topic_arn": topic,
        "certificate_arn": account.client("acm").request_certificate(DomainName="*.example.com")["CertificateArn"],
        "zone_id": account.client("route53").create_hosted_zone(Name="example.com", CallerReference="zone")["HostedZone"]["Id"],
    }
    deployment = Deployment("production", account, home, variables=variables)
    apply(deployment, say)
    say(templates.compared("production", deployment.state()))
    promised(deployment, programs, say, doctor.finds_nothing, promises.no_secret_is_left, promises.each_function_starts, promises.each_container_starts)
    end(deployment, say)


def canary(account, home, programs, say):
    """What CodeDeploy shifts: a new version is called once it does so, and no sooner."""
    deployment = Deployment("minimal", account, home, "  canary = {}\n")
    apply(deployment, say)
    promised(deployment, programs, say, promises.each_function_starts)
    changed = "  retention_days = 7\n"
    deployment.apply(changed)
    nothing_to_do(deployment, changed)
    say(f"changed: {promises.a_new_version_is_called_by_its_command(deployment)}")
    end(deployment, say)


def second_day(account, home, programs, say):
    """What a deployment may need later: a key, a network, an authorizer, limits of who reads."""
    subnet = account.client("ec2").describe_subnets()["Subnets"][0]
    group = account.client("ec2").create_security_group(GroupName="functions", Description="Functions", VpcId=subnet["VpcId"])
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    module = SECOND_DAY.format(subnet=subnet["SubnetId"], group=group["GroupId"], key=key)
    deployment = Deployment("minimal", account, home, module)
    apply(deployment, say)
    say(templates.compared("second_day", deployment.state()))
    end(deployment, say)


SETUPS = {"minimal": minimal, "channels": channels, "production": production, "canary": canary, "second_day": second_day}


def apply(deployment, say):
    deployment.init()
    count, seconds = deployment.apply()
    say(f"applied: {count} resources in {seconds:.0f} s")
    nothing_to_do(deployment)
    say("planned again: nothing to do")
    findings = policies.findings(deployment.account)
    for finding in findings:
        say(f"policy: {finding}")
    if findings:
        raise Failed(f"{len(findings)} findings in policies")
    say(f"policies: no finding in {policies.count(deployment.account)}")


def nothing_to_do(deployment, module=""):
    if changes := deployment.changes(module):
        raise Failed(f"a second plan would change {changes}")


def vary(deployment, say):
    """A changed variable changes what is there; nothing is made anew."""
    for variation in VARIATIONS:
        changes = deployment.changes(variation)
        replaced = {address for address, (actions, _) in changes.items() if {"delete", "create"} <= set(actions)}
        if replaced:
            raise Failed(f"with {variation}, {sorted(replaced)} would be made anew")
        if not changes:
            raise Failed(f"{variation} changes nothing")
        kinds = [sorted(actions)[0] for actions, _ in changes.values()]
        say(f"with {' '.join(variation.split())}: " + ", ".join(f"{kinds.count(k)} {k}" for k in sorted(set(kinds))))
    for variation, words in REFUSALS.items():
        error = deployment.refusal(variation)
        if words not in error:
            raise Failed(f"{variation} is refused, but not with {words!r}: {error}")
        say(f"with {variation}: refused, {words!r}")


def promised(deployment, programs, say, *of_it):
    for promise in of_it:
        figure = promise(deployment, programs)
        say(f"{promise.__name__}: {figure}")


def end(deployment, say):
    """Changes it to be deletable, which is a change that is applied, and destroys it."""
    _, seconds = deployment.apply(UNPROTECTED)
    say(f"changed, in {seconds:.0f} s")
    nothing_to_do(deployment, UNPROTECTED)
    seconds = deployment.destroy(UNPROTECTED)
    left = deployment.account.left()
    if deployment.resources() or left:
        raise Failed(f"a destroy leaves {left}")
    say(f"destroyed in {seconds:.0f} s: nothing is left")
