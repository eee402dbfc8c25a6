# Plans without an account: what AWS would answer is made up by Terraform.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  # Any file serves: only its hash is taken.
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "functions_by_default" {
  command = plan

  assert {
    condition     = toset(module.worker.function_names) == toset(["offload-worker", "offload-dead-letters", "offload-sweeper", "offload-notifier"])
    error_message = "worker, dead-letters, sweeper and notifier are functions"
  }
  assert {
    condition     = module.push[0].visibility_seconds == 180 && module.push[0].queue_name == "offload-notifications"
    error_message = "six times the notifier's timeout"
  }
  assert {
    condition     = module.queue.name == "offload-orders" && module.queue.dead_letter_name == "offload-orders-dead"
    error_message = "the queue of orders keeps its name"
  }
}

run "visibility_is_six_times_the_timeout" {
  command = plan
  variables {
    worker_timeout_seconds = 900
  }
  assert {
    condition     = module.queue.visibility_seconds == 5400
    error_message = "six times the function's timeout"
  }
}

run "containers_instead" {
  command = plan
  variables {
    worker_runtime = "fargate"
    fargate = {
      image           = "example.com/worker:1"
      subnet_ids      = ["subnet-1"]
      security_groups = ["sg-1"]
    }
  }
  assert {
    condition     = module.worker.function_names == ["offload-notifier"]
    error_message = "no functions beside the containers but the notifier"
  }
  assert {
    condition     = module.queue.visibility_seconds == 30
    error_message = "a container renews its messages"
  }
}

run "tiers_and_networks" {
  command = plan
  variables {
    status_transitions        = [{ days = 5, storage_class = "STANDARD_IA" }, { days = 60, storage_class = "GLACIER_IR" }]
    status_expire_days        = 400
    early_infrequent_access   = true
    allowed_cidrs             = ["192.0.2.0/24"]
    max_signature_age_seconds = 600
    worker_provisioned_pollers = {
      minimum = 2
      maximum = 20
    }
  }
  assert {
    condition     = module.status_store.status_transition_days == [10, 60]
    error_message = "no status object leaves Standard before status_standard_days"
  }
}

run "a_function_cannot_run_for_an_hour" {
  command = plan
  variables {
    worker_timeout_seconds = 3600
  }
  expect_failures = [var.worker_timeout_seconds]
}

run "without_push" {
  command = plan
  variables {
    push = false
  }
  assert {
    condition     = output.websocket_url == null && length(output.channels) == 0 && length(module.push) == 0 && length(module.worker.function_names) == 3
    error_message = "nothing of push is left"
  }
}

run "every_channel_from_the_stream" {
  command = plan
  variables {
    events_from           = "stream"
    websocket_access_logs = true
    webhooks              = true
    webhook_allow         = ["*.example.com"]
    webhook_deny          = ["203.0.113.0/24"]
    event_topic_arn       = "arn:aws:sns:eu-west-1:123456789012:events"
    step_functions        = true
    appsync_url           = "https://abc.appsync-api.eu-west-1.amazonaws.com/event"
    appsync_api_arn       = "arn:aws:appsync:eu-west-1:123456789012:apis/abc"
    mercure_url           = "https://hub.example.com/.well-known/mercure"
    mercure_jwt_arn       = "arn:aws:ssm:eu-west-1:123456789012:parameter/mercure"
  }
  assert {
    condition     = module.push[0].stream_failures_name == "offload-stream-failures"
    error_message = "what the stream lost is named"
  }
  assert {
    condition     = output.channels == tolist(["connection", "webhook", "topic", "task", "appsync", "mercure"])
    error_message = "every channel"
  }
  assert {
    condition = toset(keys(local.notifier_channel_settings)) == toset([
    "OFFLOAD_MERCURE_JWT_ARN", "OFFLOAD_WEBHOOK_ALLOW", "OFFLOAD_WEBHOOK_DENY", "OFFLOAD_WEBHOOK_SECRET_ARN"])
    error_message = "the notifier alone has the secrets"
  }
  assert {
    condition     = toset([for s in local.notifier_channel_statements : s.Sid]) == toset(["PublishToTopic", "AnswerTasks", "PublishToAppSync"])
    error_message = "the notifier may do what its channels need"
  }
}

run "the_notifier_alone_has_the_secrets" {
  command = plan
  module {
    source = "./modules/worker"
  }
  variables {
    name                     = "offload"
    package                  = "README.md"
    package_s3               = null
    vpc                      = null
    own_statements           = []
    canary                   = false
    image_uri                = null
    secrets                  = {}
    key_arn                  = null
    architecture             = "arm64"
    runtime                  = "lambda"
    timeout_seconds          = 60
    max_concurrency          = 10
    orders_at_once           = 10
    provisioned_pollers      = null
    processor                = "demo"
    settings                 = {}
    fargate                  = null
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
    notifier_settings = {
      OFFLOAD_WEBHOOK_SECRET_ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/offload/webhook-secret/1"
    }
    notifier_statements = [{
      Sid      = "PublishToTopic"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = "arn:aws:sns:eu-west-1:123456789012:events"
    }]
    push = {
      notifications_queue_url             = "https://sqs.eu-west-1.amazonaws.com/123456789012/n"
      notifications_queue_arn             = "arn:aws:sqs:eu-west-1:123456789012:n"
      webhooks_queue_url                  = "https://sqs.eu-west-1.amazonaws.com/123456789012/w"
      webhooks_queue_arn                  = "arn:aws:sqs:eu-west-1:123456789012:w"
      webhook_retries_queue_url           = "https://sqs.eu-west-1.amazonaws.com/123456789012/wr"
      webhook_retries_queue_arn           = "arn:aws:sqs:eu-west-1:123456789012:wr"
      notifications_dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/n-dead"
      notifications_dead_letter_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:n-dead"
      connections_arn                     = "arn:aws:execute-api:eu-west-1:123456789012:a/push/POST/@connections/*"
      events_from                         = "writers"
      table_stream_arn                    = null
      stream_failures_arn                 = null
      channel_settings                    = { OFFLOAD_EVENT_TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:events" }
    }
  }
  assert {
    condition = toset([for name in keys(nonsensitive(aws_lambda_function.function["notifier"].environment[0].variables)) : name
    if !contains(keys(nonsensitive(aws_lambda_function.function["worker"].environment[0].variables)), name)]) == toset(["OFFLOAD_WEBHOOK_SECRET_ARN"])
    error_message = "what the notifier alone needs"
  }
  assert {
    condition = alltrue([for f in aws_lambda_function.function : nonsensitive(f.environment[0].variables["OFFLOAD_NOTIFICATIONS_QUEUE_URL"]) == var.push.notifications_queue_url
    && contains(keys(nonsensitive(f.environment[0].variables)), "OFFLOAD_EVENT_TOPIC_ARN")])
    error_message = "all know where notifications go, and to which channels"
  }
  assert {
    condition     = toset([for s in local.granted.notifier : s.Sid]) == toset(["Notifications", "RetryOrDeadLetter", "PostToConnections", "DeliveriesAndSubscriptions", "PublishToTopic"])
    error_message = "the notifier may do what its channels need and no more"
  }
}

run "push_needs_push" {
  command = plan
  variables {
    push     = false
    webhooks = true
  }
  expect_failures = [output.channels]
}

run "appsync_needs_a_key_or_a_role" {
  command = plan
  variables {
    appsync_url = "https://abc.appsync-api.eu-west-1.amazonaws.com/event"
  }
  expect_failures = [output.channels]
}

run "one_poller_is_refused" {
  command = plan
  variables {
    worker_provisioned_pollers = { minimum = 1, maximum = 1 }
  }
  expect_failures = [var.worker_provisioned_pollers]
}

run "the_most_pollers_are_no_fewer_than_the_least" {
  command = plan
  variables {
    worker_provisioned_pollers = { minimum = 20, maximum = 10 }
  }
  expect_failures = [var.worker_provisioned_pollers]
}

run "arns_are_of_the_partition" {
  command = plan
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn" }
  }
  assert {
    condition     = local.signer_role_arn == "arn:aws-cn:iam::123456789012:role/offload-signer"
    error_message = "China and GovCloud have partitions of their own"
  }
}
