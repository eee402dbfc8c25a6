# What a deployment may need after its first day.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "packages_come_from_s3" {
  command = plan
  variables {
    api_package       = null
    api_package_s3    = { bucket = "builds", key = "1/offload-api.zip" }
    worker_package    = null
    worker_package_s3 = { bucket = "builds", key = "1/offload-worker.zip", version = "v" }
  }
  assert {
    condition     = output.packages == { api = "s3://builds/1/offload-api.zip", worker = "s3://builds/1/offload-worker.zip" }
    error_message = "no file is needed where Terraform runs"
  }
}

run "a_package_comes_from_one_place" {
  command = plan
  variables {
    api_package_s3 = { bucket = "builds", key = "1/offload-api.zip" }
  }
  expect_failures = [output.packages]
}

run "a_package_comes_from_somewhere" {
  command = plan
  variables {
    worker_package = null
  }
  expect_failures = [output.packages]
}

run "secrets_are_for_containers" {
  command = plan
  variables {
    worker_secrets = { API_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf" }
  }
  expect_failures = [output.packages]
}

run "no_reserve_of_nothing" {
  command = plan
  variables {
    api_reserved_concurrency = 0
  }
  expect_failures = [var.api_reserved_concurrency]
}

run "a_network_has_subnets" {
  command = plan
  variables {
    vpc = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc]
}

run "functions_in_a_network" {
  command = plan
  module {
    source = "./modules/worker"
  }
  variables {
    runtime        = "lambda"
    package        = null
    package_s3     = { bucket = "builds", key = "1/offload-worker.zip", version = "v" }
    vpc            = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    own_statements = [{ Sid = "Templates", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::templates/*"], Condition = null }]
    canary         = false
    image_uri      = null
    secrets        = {}
    fargate        = null

    name                     = "offload"
    key_arn                  = null
    architecture             = "arm64"
    timeout_seconds          = 60
    max_concurrency          = 20
    orders_at_once           = 4
    provisioned_pollers      = null
    processor                = "demo"
    settings                 = {}
    bucket                   = "b"
    bucket_arn               = "arn:aws:s3:::b"
    table                    = "t"
    table_arn                = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
    queue_url                = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    queue_name               = "q"
    queue_arn                = "arn:aws:sqs:eu-west-1:123456789012:q"
    priority_queues          = {}
    dead_letter_queue_url    = "https://sqs.eu-west-1.amazonaws.com/123456789012/q-dead"
    dead_letter_queue_arn    = "arn:aws:sqs:eu-west-1:123456789012:q-dead"
    signer_role_arn          = "arn:aws:iam::123456789012:role/signer"
    retention_days           = 30
    log_retention_days       = 30
    notifier_timeout_seconds = 30
    notifier_settings        = {}
    notifier_statements      = []
    push                     = null
  }
  assert {
    condition     = alltrue([for f in aws_lambda_function.function : f.s3_key == "1/offload-worker.zip" && f.s3_object_version == "v" && f.filename == null])
    error_message = "by key and version"
  }
  assert {
    condition     = alltrue([for f in aws_lambda_function.function : f.vpc_config[0].subnet_ids == toset(["subnet-1"])]) && length(aws_iam_role_policy_attachment.vpc) == 3
    error_message = "each function is in the network, and its role may be"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.own[0].policy).Statement == [{ Sid = "Templates", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::templates/*"] }]
    error_message = "the work may do what the team says"
  }
}

run "containers_with_secrets" {
  command = plan
  module {
    source = "./modules/worker"
  }
  variables {
    runtime        = "fargate"
    package        = "README.md"
    package_s3     = null
    vpc            = null
    own_statements = []
    canary         = false
    image_uri      = null
    secrets = {
      API_KEY  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf:api::"
      PASSWORD = "arn:aws:ssm:eu-west-1:123456789012:parameter/render/password"
    }
    fargate = { image = "i", subnet_ids = ["s"], security_groups = ["g"] }

    name                     = "offload"
    key_arn                  = null
    architecture             = "arm64"
    timeout_seconds          = 60
    max_concurrency          = 20
    orders_at_once           = 4
    provisioned_pollers      = null
    processor                = "demo"
    settings                 = {}
    bucket                   = "b"
    bucket_arn               = "arn:aws:s3:::b"
    table                    = "t"
    table_arn                = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
    queue_url                = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    queue_name               = "q"
    queue_arn                = "arn:aws:sqs:eu-west-1:123456789012:q"
    priority_queues          = {}
    dead_letter_queue_url    = "https://sqs.eu-west-1.amazonaws.com/123456789012/q-dead"
    dead_letter_queue_arn    = "arn:aws:sqs:eu-west-1:123456789012:q-dead"
    signer_role_arn          = "arn:aws:iam::123456789012:role/signer"
    retention_days           = 30
    log_retention_days       = 30
    notifier_timeout_seconds = 30
    notifier_settings        = {}
    notifier_statements      = []
    push                     = null
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].secrets == [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    error_message = "ECS puts them into the container's environment"
  }
}

run "a_key_of_ones_own_is_for_each_role_that_needs_it" {
  command = plan
  variables {
    customer_key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = toset(keys(aws_iam_role_policy.key)) == toset(["api", "signer", "worker", "dead_letters", "sweeper", "notifier"])
    error_message = "who reads or writes"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.key["signer"].policy).Statement[0].Action == ["kms:Decrypt"]
    error_message = "clients read and write nothing"
  }
}

run "aws_keys_need_no_permission" {
  command = plan
  assert {
    condition     = length(aws_iam_role_policy.key) == 0
    error_message = "by default"
  }
}

run "a_bucket_by_ones_own_key" {
  command = plan
  module {
    source = "./modules/status_store"
  }
  variables {
    name                      = "offload"
    account_id                = "123456789012"
    key_arn                   = "arn:aws:kms:eu-west-1:123456789012:key/k"
    access                    = "url"
    cors_origins              = ["*"]
    allowed_cidrs             = []
    max_signature_age_seconds = null
    status_standard_days      = 10
    status_transitions        = []
    status_expire_days        = 30
    result_transitions        = []
    result_expire_days        = 90
    work_log_expire_days      = 30
    force_destroy             = false
  }
  assert {
    condition = one(aws_s3_bucket_server_side_encryption_configuration.this.rule[*].bucket_key_enabled) && one(flatten([
    for r in aws_s3_bucket_server_side_encryption_configuration.this.rule : r.apply_server_side_encryption_by_default[*].kms_master_key_id])) == var.key_arn
    error_message = "and few calls to KMS"
  }
}

run "a_table_by_ones_own_key" {
  command = plan
  module {
    source = "./modules/order_table"
  }
  variables {
    name                   = "offload"
    key_arn                = "arn:aws:kms:eu-west-1:123456789012:key/k"
    point_in_time_recovery = false
    deletion_protection    = true
    stream                 = false
  }
  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].enabled && aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.key_arn
    error_message = "the table too"
  }
}

run "functions_from_images" {
  command = plan
  variables {
    api_package      = null
    worker_package   = null
    api_image_uri    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/offload-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    worker_image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/render:7"
  }
  assert {
    condition     = output.packages == { api = var.api_image_uri, worker = var.worker_image_uri }
    error_message = "in place of packages"
  }
  assert {
    condition     = toset(values(module.worker.package_types)) == toset(["Image"]) && module.api.package_type == "Image"
    error_message = "each function"
  }
}

run "a_function_is_made_of_one_thing" {
  command = plan
  variables {
    worker_image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/render:7"
  }
  expect_failures = [output.packages]
}

run "lambda_takes_images_from_ecr_alone" {
  command = plan
  variables {
    api_image_uri    = "ghcr.io/example/offload-api:1"
    worker_image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/render"
  }
  expect_failures = [var.api_image_uri, var.worker_image_uri]
}
