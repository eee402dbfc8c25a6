# The api: a function behind an HTTP API. It accepts orders and answers questions about them; no
# poll comes here.

resource "aws_iam_role" "this" {
  name        = "${var.name}-api"
  description = "What the api of ${var.name} may do."

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

resource "aws_iam_role_policy" "this" {
  name = "api"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Query reads what the workers report of themselves, for estimates.
        Sid      = "Orders"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = var.table_arn
      },
      {
        Sid      = "ListOrders"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = "${var.table_arn}/index/due"
      },
      {
        Sid      = "StatusObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${var.bucket_arn}/status/*"
      },
      {
        # Logs of the work, for operators.
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${var.bucket_arn}/logs/*"
      },
      {
        # Erasing an order. Its objects are known by name: nothing may list the bucket.
        Sid      = "Erase"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = ["${var.bucket_arn}/status/*", "${var.bucket_arn}/results/*", "${var.bucket_arn}/logs/*"]
      },
      {
        Sid      = "Queue"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
        Resource = local.queue_arns
      },
      {
        Sid      = "Sign"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.signer_role_arn
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      },
    ]
  })
}

# What push adds to it.
resource "aws_iam_role_policy" "push" {
  count = var.push == null ? 0 : 1
  name  = "push"
  role  = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Publishing a status sends its event. Subscriptions are in the order table.
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhooks_queue_arn])
      },
    ]
  })
}

# Network interfaces are allowed on no single resource; AWS keeps the policy.
resource "aws_iam_role_policy_attachment" "vpc" {
  count      = var.vpc == null ? 0 : 1
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}-api"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:traces are W3C's, in the logs; X-Ray would bill each request
  #checkov:skip=CKV_AWS_115:orders should not be refused at a number that somebody once guessed; the account's limit holds
  #checkov:skip=CKV_AWS_116:called synchronously; a dead-letter queue would never get anything
  #checkov:skip=CKV_AWS_272:the package is built by the operator who applies this
  function_name = "${var.name}-api"
  description   = "Accepts, reports and cancels orders."
  role          = aws_iam_role.this.arn
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
  # A request takes some 30 ms of waiting for AWS; memory buys CPU for the TLS handshakes of a cold
  # start.
  memory_size = 256
  # Below API Gateway's 30 s, so that the function can still say what was wrong.
  timeout = 20
  # What is called is a version: live.
  publish = true

  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

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
    variables = merge({
      OFFLOAD_BUCKET               = var.bucket
      OFFLOAD_TABLE                = var.table
      OFFLOAD_QUEUE_URL            = var.queue_url
      OFFLOAD_TOKEN_SECRET_ARN     = join(",", var.token_secret_arns)
      OFFLOAD_SIGNER_ROLE_ARN      = var.signer_role_arn
      OFFLOAD_PUBLIC_URL           = local.url
      OFFLOAD_ACCESS               = var.access
      OFFLOAD_AUTH                 = var.auth
      OFFLOAD_SHARE_WORK_LOGS      = tostring(var.share_work_logs)
      OFFLOAD_CORS_ORIGINS         = join(",", var.cors_origins)
      OFFLOAD_RETENTION_DAYS       = tostring(var.retention_days)
      OFFLOAD_EXPECTED_CONCURRENCY = tostring(var.expected_orders)
      # A session by chaining lasts an hour: a longer TTL could not be kept.
      OFFLOAD_STATUS_URL_TTL_SECONDS = "3600"
      # By it the api sets how long the table keeps an order.
      OFFLOAD_DEFAULT_DEADLINE_SECONDS = var.default_deadline_seconds
    }, local.jwt_environment, local.priority_environment, local.push_environment)
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.vpc]
}

locals {
  # All queues of orders.
  queue_arns = flatten([var.queue_arn, values(var.priority_queues)[*].arn])

  priority_environment = { for priority, queue in var.priority_queues : "OFFLOAD_${upper(priority)}_QUEUE_URL" => queue.url }

  # Without those that are null: a variable of a function has a value.
  jwt_environment = var.jwt == null ? {} : {
    for name, value in {
      OFFLOAD_JWT_ISSUER       = var.jwt.issuer
      OFFLOAD_JWT_AUDIENCE     = var.jwt.audience
      OFFLOAD_JWT_JWKS_URL     = var.jwt.jwks_url
      OFFLOAD_JWT_TENANT_CLAIM = var.jwt.tenant_claim
      OFFLOAD_JWT_ROLES_CLAIM  = var.jwt.roles_claim
    } : name => value if value != null
  }

  push_environment = var.push == null ? {} : merge(var.push.channel_settings, var.channel_settings, {
    OFFLOAD_NOTIFICATIONS_QUEUE_URL             = var.push.notifications_queue_url
    OFFLOAD_WEBHOOKS_QUEUE_URL                  = var.push.webhooks_queue_url
    OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL           = var.push.webhook_retries_queue_url
    OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL = var.push.notifications_dead_letter_queue_url
    OFFLOAD_EVENTS_FROM                         = var.push.events_from
    OFFLOAD_WEBSOCKET_URL                       = var.push.websocket_url
    OFFLOAD_MANAGEMENT_URL                      = var.push.management_url
  })
}

module "live" {
  source = "../live"

  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
  shifted          = var.canary
}
