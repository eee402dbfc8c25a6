# How many orders are worked on at once, and what the number of tasks is made by.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "functions_work_on_ten_orders_each" {
  command = plan
  assert {
    condition     = local.expected_orders == 100
    error_message = "ten invocations of ten orders"
  }
}

run "or_on_as_many_as_is_set" {
  command = plan
  variables {
    worker_max_concurrency = 1
    worker_settings        = { OFFLOAD_CONCURRENCY = "4" }
  }
  assert {
    condition     = local.expected_orders == 8
    error_message = "Lambda takes no fewer than two invocations"
  }
}

run "a_poller_invokes_ten_functions" {
  command = plan
  variables {
    worker_provisioned_pollers = { minimum = 2, maximum = 20 }
    worker_settings            = { OFFLOAD_CONCURRENCY = "50" }
  }
  assert {
    condition     = local.expected_orders == 2000
    error_message = "twenty pollers, ten functions each, and a batch has ten orders at most"
  }
}

run "tasks_work_on_what_their_setting_says" {
  command = plan
  variables {
    worker_runtime         = "fargate"
    worker_max_concurrency = 20
    worker_settings        = { OFFLOAD_CONCURRENCY = "4" }
    fargate                = { image = "i", subnet_ids = ["s"], security_groups = ["g"], min_tasks = 2 }
  }
  assert {
    condition     = local.expected_orders == 80
    error_message = "twenty tasks of four orders"
  }
}

run "fargate_without_its_settings_is_one_error" {
  command = plan
  variables {
    worker_runtime = "fargate"
  }
  expect_failures = [output.container]
}

run "no_task_at_all_is_refused" {
  command = plan
  variables {
    worker_runtime = "fargate"
    fargate        = { image = "i", subnet_ids = ["s"], security_groups = ["g"], min_tasks = 0 }
  }
  expect_failures = [output.container]
}

run "a_grace_period_that_fargate_cuts_off_is_refused" {
  command = plan
  variables {
    worker_runtime  = "fargate"
    worker_settings = { OFFLOAD_SHUTDOWN_GRACE_SECONDS = "300" }
    fargate         = { image = "i", subnet_ids = ["s"], security_groups = ["g"] }
  }
  expect_failures = [output.container]
}

run "a_concurrency_that_is_no_number_is_refused" {
  command = plan
  variables {
    worker_settings = { OFFLOAD_CONCURRENCY = "many" }
  }
  expect_failures = [var.worker_settings]
}

run "work_makes_the_number_of_tasks" {
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
    runtime                  = "fargate"
    timeout_seconds          = 60
    max_concurrency          = 20
    orders_at_once           = 4
    provisioned_pollers      = null
    processor                = "demo"
    settings                 = { OFFLOAD_SHUTDOWN_GRACE_SECONDS = "100" }
    fargate                  = { image = "i", subnet_ids = ["s"], security_groups = ["g"], min_tasks = 2 }
    bucket                   = "b"
    bucket_arn               = "arn:aws:s3:::b"
    table                    = "t"
    table_arn                = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
    queue_url                = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    queue_name               = "q"
    queue_arn                = "arn:aws:sqs:eu-west-1:123456789012:q"
    priority_queues          = { high = { url = "u", arn = "a", name = "q-high" } }
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
    condition     = aws_appautoscaling_target.tasks[0].min_capacity == 2 && aws_appautoscaling_target.tasks[0].max_capacity == 20
    error_message = "worker_max_concurrency takes effect after the first apply too"
  }
  assert {
    condition     = aws_appautoscaling_policy.tasks[0].target_tracking_scaling_policy_configuration[0].target_value == 4
    error_message = "one task for each four orders"
  }
  assert {
    condition = one([for m in aws_appautoscaling_policy.tasks[0].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics : m.expression
    if m.return_data]) == "(in_flight_high + in_flight_normal + waiting_high + waiting_normal) / IF(tasks > 0, tasks, 1)"
    error_message = "long work is not taken for idleness, and every queue counts"
  }
  assert {
    condition     = length(aws_appautoscaling_policy.tasks[0].target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics) == 6
    error_message = "each metric of the expression"
  }
  assert {
    condition     = aws_ecs_service.this[0].deployment_circuit_breaker[0].rollback && aws_ecs_service.this[0].desired_count == 2
    error_message = "a deployment whose tasks do not stay up is taken back"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].stopTimeout == 105
    error_message = "a task is not killed before its own grace period ends"
  }
}
