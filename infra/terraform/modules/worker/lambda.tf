# The functions. One package: the program decides by its event what to do.

locals {
  functions = {
    for part, f in {
      worker       = { name = "worker", description = "Works on orders.", timeout = var.timeout_seconds, memory = 512 }
      dead_letters = { name = "dead-letters", description = "Ends what is dead-lettered.", timeout = 30, memory = 256 }
      sweeper      = { name = "sweeper", description = "Sends what was not sent, ends what is overdue.", timeout = 60, memory = 256 }
      notifier     = { name = "notifier", description = "Delivers status updates to clients.", timeout = var.notifier_timeout_seconds, memory = 256 }
    } : part => f if part == "notifier" ? var.push != null : local.lambda
  }
}

resource "aws_iam_role" "function" {
  for_each    = local.functions
  name        = "${var.name}-${each.value.name}"
  description = each.value.description

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByLambda"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = each.value.name
  role     = aws_iam_role.function[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.granted[each.key], [{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.function[each.key].arn}:*"
    }])
  })
}

# Network interfaces are allowed on no single resource; AWS keeps the policy.
resource "aws_iam_role_policy_attachment" "vpc" {
  for_each   = var.vpc == null ? {} : local.functions
  role       = aws_iam_role.function[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
}

# The team's own work, in the function or the container.
resource "aws_iam_role_policy" "own" {
  count = length(var.own_statements) > 0 ? 1 : 0
  name  = "own"
  role  = local.fargate ? aws_iam_role.task[0].id : aws_iam_role.function["worker"].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for s in var.own_statements : { for name, value in s : name => value if value != null }]
  })
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.value.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_50:traces are W3C's, in the logs; X-Ray would bill each invocation
  #checkov:skip=CKV_AWS_115:the event source limits how many run at once; reserved concurrency would throttle deliveries, which count
  #checkov:skip=CKV_AWS_116:fed by queues that have dead-letter queues themselves, or by a schedule whose next run makes up for a failed one
  #checkov:skip=CKV_AWS_272:the package is built by the operator who applies this
  for_each      = local.functions
  function_name = "${var.name}-${each.value.name}"
  description   = each.value.description
  role          = aws_iam_role.function[each.key].arn
  architectures = [var.architecture]
  # An image says itself what it runs.
  package_type = var.image_uri == null ? "Zip" : "Image"
  image_uri    = var.image_uri
  runtime      = var.image_uri == null ? "provided.al2023" : null
  handler      = var.image_uri == null ? "bootstrap" : null
  # Without any of them the root module says so, once.
  filename          = var.image_uri == null && var.package_s3 == null ? coalesce(var.package, "none") : null
  source_code_hash  = var.package == null || var.package_s3 != null ? null : filebase64sha256(var.package)
  s3_bucket         = one(var.package_s3[*].bucket)
  s3_key            = one(var.package_s3[*].key)
  s3_object_version = one(var.package_s3[*].version)
  memory_size       = each.value.memory
  timeout           = each.value.timeout
  # What is called is a version: live.
  publish = true

  # The settings in the environment.
  kms_key_arn = var.key_arn

  dynamic "vpc_config" {
    for_each = var.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  environment {
    variables = each.key == "worker" ? local.environment : merge(local.without_work, each.key == "notifier" ? var.notifier_settings : {})
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy_attachment.vpc]
}

module "live" {
  source   = "../live"
  for_each = local.functions

  function_name    = aws_lambda_function.function[each.key].function_name
  function_version = aws_lambda_function.function[each.key].version
  # The others are no work of orders.
  shifted = var.canary && each.key == "worker"
}

resource "aws_lambda_event_source_mapping" "orders" {
  for_each         = local.lambda ? local.event_sources : {}
  event_source_arn = each.value.arn
  function_name    = module.live["worker"].arn
  # One bad order must not bring the others of its batch again.
  function_response_types = ["ReportBatchItemFailures"]
  # Orders of a batch run side by side within one invocation's time.
  batch_size = 10
  # An order should not wait for others to fill its batch.
  maximum_batching_window_in_seconds = 0

  # Lambda takes either of the two; SQS accepts 2 as the least concurrency.
  dynamic "scaling_config" {
    for_each = var.provisioned_pollers == null ? [1] : []
    content {
      maximum_concurrency = max(2, floor(var.max_concurrency * each.value.part))
    }
  }
  dynamic "provisioned_poller_config" {
    for_each = var.provisioned_pollers == null ? [] : [var.provisioned_pollers]
    content {
      minimum_pollers = provisioned_poller_config.value.minimum
      maximum_pollers = provisioned_poller_config.value.maximum
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

locals {
  # Lambda weighs no queues: each has pollers of its own. One of orders that may wait has an eighth
  # of the concurrency, so that a backlog in it does not take what the others of this account need.
  event_sources = merge(
    { normal = { arn = var.queue_arn, part = 1 } },
    { for priority, queue in var.priority_queues : priority => { arn = queue.arn, part = priority == "low" ? 0.125 : 1 } },
  )
}

# What it was called when there was one queue of orders.
moved {
  from = aws_lambda_event_source_mapping.orders[0]
  to   = aws_lambda_event_source_mapping.orders["normal"]
}

resource "aws_lambda_event_source_mapping" "dead_letters" {
  count                   = local.lambda ? 1 : 0
  event_source_arn        = var.dead_letter_queue_arn
  function_name           = module.live["dead_letters"].arn
  function_response_types = ["ReportBatchItemFailures"]
  batch_size              = 10

  scaling_config {
    # There should be few; two is the least that Lambda takes.
    maximum_concurrency = 2
  }

  depends_on = [aws_iam_role_policy.function]
}

resource "aws_scheduler_schedule" "sweep" {
  #checkov:skip=CKV_AWS_297:the schedule holds nothing secret
  count       = local.lambda ? 1 : 0
  name        = "${var.name}-sweep"
  description = "Finds orders that were accepted and not sent, or whose deadline has passed."
  # As often as EventBridge Scheduler can; in between nothing that got 202 is lost, only late.
  schedule_expression = "rate(1 minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.live["sweeper"].arn
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode({ offload = "sweep" })

    retry_policy {
      # The next run makes up for it.
      maximum_retry_attempts = 0
    }
  }
}

resource "aws_iam_role" "scheduler" {
  count       = local.lambda ? 1 : 0
  name        = "${var.name}-scheduler"
  description = "Invokes the sweeper."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByScheduler"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  count = local.lambda ? 1 : 0
  name  = "invoke"
  role  = aws_iam_role.scheduler[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "InvokeSweeper"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = module.live["sweeper"].arn
    }]
  })
}
