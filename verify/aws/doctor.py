"""What `offload doctor` finds in a deployment: nothing, and of each fault that is made in it, that
fault and no other."""

import json
import subprocess

import boto3
from account import KEYS, REGION
from botocore.config import Config
from deployment import Failed


def finds_each_fault_and_no_other(deployment, programs):
    """Breaks one thing after the other, by the calls that an operator may make by hand."""
    patient = Patient(deployment, programs)
    if found := patient.findings():
        raise Failed(f"a sound deployment has the findings {found}")
    faults = [fault for name, fault in vars(Patient).items() if name.startswith("with_")]
    for fault in faults:
        expected = fault.__doc__.split(":")[0]
        mend = fault(patient)
        found = patient.findings()
        mend()
        if found != [expected]:
            raise Failed(f"{fault.__name__} has the findings {found}, not {expected}")
    if found := patient.findings():
        raise Failed(f"once mended it has the findings {found}")
    return f"nothing in a sound deployment, {len(faults)} faults found, each alone"


def finds_nothing(deployment, programs):
    if found := Patient(deployment, programs).findings():
        raise Failed(f"a sound deployment has the findings {found}")
    return "nothing"


class Patient:
    """A deployment, and calls that break and mend it."""

    def __init__(self, deployment, programs):
        # Past the translator, which keeps what moto forgets.
        self.url = deployment.account.translator.url
        self.program = programs / "offload"
        exports = (line.removeprefix("export ").split("=", 1) for line in deployment.output("environment").splitlines())
        self.settings = dict(exports)
        self.bucket, self.table = self.settings["OFFLOAD_BUCKET"], self.settings["OFFLOAD_TABLE"]
        self.queue = self.settings["OFFLOAD_QUEUE_URL"]

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, config=Config(s3={"addressing_style": "path"}),
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def findings(self):
        environment = {**KEYS, **self.settings, "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}
        ran = subprocess.run([self.program, "doctor", "--json"], env=environment, capture_output=True, text=True, check=False)
        if ran.returncode not in (0, 1):
            raise Failed(f"offload doctor ended with {ran.returncode}: {ran.stderr}")
        report = json.loads(ran.stdout)["report"]
        if report["passed"] < 40:
            raise Failed(f"offload doctor could check little: {report['not_checked']}")
        found = [finding["id"] for finding in report["findings"]]
        if bool(found) != (ran.returncode == 1):
            raise Failed(f"exit code {ran.returncode} with {found}")
        return sorted(set(found))

    def attribute(self, name, value):
        sqs = self.client("sqs")
        before = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"].get(name, "")
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={name: value})
        return lambda: sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={name: before})

    def source(self, ending):
        client = self.client("lambda")
        sources = client.list_event_source_mappings()["EventSourceMappings"]
        (uuid,) = [s["UUID"] for s in sources if s["EventSourceArn"].endswith(ending)]
        client.update_event_source_mapping(UUID=uuid, Enabled=False)
        return lambda: client.update_event_source_mapping(UUID=uuid, Enabled=True)

    def with_short_visibility(self):
        """visibility-too-short: SQS's own default."""
        return self.attribute("VisibilityTimeout", "30")

    def with_short_retention(self):
        """retention-too-short: SQS's own default."""
        return self.attribute("MessageRetentionPeriod", "345600")

    def with_no_workers(self):
        """orders-without-workers: somebody turned the worker off."""
        return self.source(":offload-orders")

    def with_dead_letters_for_nobody(self):
        """dead-letters-unconsumed: somebody turned their function off."""
        return self.source(":offload-orders-dead")

    def with_public_access(self):
        """public-access: the block is gone."""
        s3 = self.client("s3")
        block = s3.get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"]
        s3.delete_public_access_block(Bucket=self.bucket)
        return lambda: s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=block)

    def with_plain_http(self):
        """plain-http-allowed: the bucket's policy is gone."""
        s3 = self.client("s3")
        policy = s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        s3.delete_bucket_policy(Bucket=self.bucket)
        return lambda: s3.put_bucket_policy(Bucket=self.bucket, Policy=policy)

    def with_hidden_headers(self):
        """cors-hides-headers: Date is not exposed."""
        s3 = self.client("s3")
        rules = s3.get_bucket_cors(Bucket=self.bucket)["CORSRules"]
        hidden = [{**rule, "ExposeHeaders": ["ETag"]} for rule in rules]
        s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": hidden})
        return lambda: s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": rules})

    def with_a_wrong_prefix(self):
        """lifecycle-never-fires: a prefix that no object has."""
        s3 = self.client("s3")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"]
        wrong = [{**r, "Filter": {"Prefix": "statuses/"}} if r["ID"] == "status" else r for r in rules]
        return self.rules(wrong, rules)

    def with_a_tier_for_small_objects(self):
        """lifecycle-costs-more: status objects in Infrequent Access."""
        rules = self.client("s3").get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"]
        moved = {"Transitions": [{"Days": 10, "StorageClass": "STANDARD_IA"}]}
        return self.rules([{**r, **moved} if r["ID"] == "status" else r for r in rules], rules)

    def rules(self, changed, before):
        def put(rules):
            self.client("s3").put_bucket_lifecycle_configuration(
                Bucket=self.bucket,
                LifecycleConfiguration={"Rules": rules},
                TransitionDefaultMinimumObjectSize="varies_by_storage_class",
            )

        put(changed)
        return lambda: put(before)

    def with_no_time_to_live(self):
        """ttl-off: the table keeps everything."""
        dynamodb = self.client("dynamodb")

        def put(enabled):
            specification = {"AttributeName": "expires_at", "Enabled": enabled}
            dynamodb.update_time_to_live(TableName=self.table, TimeToLiveSpecification=specification)

        put(False)
        return lambda: put(True)

    def with_a_role_that_may_all(self):
        """unused-permission: somebody allowed all of S3 to make something work."""
        iam = self.client("iam")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName="offload-api", PolicyName="quick-fix", PolicyDocument=json.dumps(policy))
        return lambda: iam.delete_role_policy(RoleName="offload-api", PolicyName="quick-fix")
