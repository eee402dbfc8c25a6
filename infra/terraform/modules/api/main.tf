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

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:logs hold no payloads, tokens or URLs; AWS's own key is enough
  #checkov:skip=CKV_AWS_338:how long logs are kept is a variable
  name              = "/aws/lambda/${var.name}-api"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:traces are W3C's, in the logs; X-Ray would bill each request
  #checkov:skip=CKV_AWS_115:orders should not be refused at a number that somebody once guessed; the account's limit holds
  #checkov:skip=CKV_AWS_116:called synchronously; a dead-letter queue would never get anything
  #checkov:skip=CKV_AWS_117:it calls AWS's public endpoints only; in a VPC it would need a NAT gateway to reach them
  #checkov:skip=CKV_AWS_173:the token secret is encrypted with AWS's own key; who may read the configuration may read orders
  #checkov:skip=CKV_AWS_272:the package is built by the operator who applies this
  function_name    = "${var.name}-api"
  description      = "Accepts, reports and cancels orders."
  role             = aws_iam_role.this.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  # A request takes some 30 ms of waiting for AWS; memory buys CPU for the TLS handshakes of a cold
  # start.
  memory_size = 256
  # Below API Gateway's 30 s, so that the function can still say what was wrong.
  timeout = 20

  environment {
    variables = merge({
      OFFLOAD_BUCKET               = var.bucket
      OFFLOAD_TABLE                = var.table
      OFFLOAD_QUEUE_URL            = var.queue_url
      OFFLOAD_TOKEN_SECRET         = var.token_secret
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

  depends_on = [aws_cloudwatch_log_group.this]

  lifecycle {
    precondition {
      condition     = var.jwt != null || !(strcontains(var.auth, "jwt") || strcontains(var.auth, "gateway"))
      error_message = "jwt is needed where auth names jwt or gateway."
    }
  }
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

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Orders of ${var.name}."
  protocol_type = "HTTP"
  # CORS is the program's own, the same as in a container.
}

locals {
  url = coalesce(var.public_url, aws_apigatewayv2_api.this.api_endpoint)

  # The routes that a function serves. Anything else is refused by API Gateway, unbilled by Lambda.
  routes = [
    "POST /order",
    "GET /order/{id}",
    "DELETE /order/{id}",
    "GET /admin/orders",
    "GET /admin/orders/{id}/log",
    "DELETE /admin/orders/{id}",
    "GET /admin/deliveries/{id}",
    "POST /admin/deliveries/{id}",
    "POST /webhooks/secret",
    "OPTIONS /order",
    "OPTIONS /order/{id}",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
    "GET /docs",
  ]
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:the program knows its callers by itself, unless auth names gateway; orders have tokens of their own
  for_each = toset(local.routes)

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.this.id}"

  # Orders are read and cancelled by their tokens too, which an authorizer would refuse.
  authorization_type = local.by_gateway && contains(local.for_callers, each.value) ? "JWT" : "NONE"
  authorizer_id      = local.by_gateway && contains(local.for_callers, each.value) ? aws_apigatewayv2_authorizer.jwt[0].id : null
}

locals {
  by_gateway = contains(split(",", replace(var.auth, " ", "")), "gateway")
  for_callers = [
    "POST /order",
    "GET /admin/orders",
    "GET /admin/orders/{id}/log",
    "DELETE /admin/orders/{id}",
    "GET /admin/deliveries/{id}",
    "POST /admin/deliveries/{id}",
    "POST /webhooks/secret",
  ]
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.by_gateway ? 1 : 0

  api_id           = aws_apigatewayv2_api.this.id
  name             = "callers"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = [var.jwt.audience]
  }
}

resource "aws_apigatewayv2_stage" "this" {
  api_id = aws_apigatewayv2_api.this.id
  # No stage in the path: links and Location stay as the program makes them.
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Without the query: it may hold a token.
    format = jsonencode({
      requestId = "$context.requestId"
      route     = "$context.routeKey"
      status    = "$context.status"
      latencyMs = "$context.responseLatency"
      error     = "$context.integrationErrorMessage"
    })
  }

  default_route_settings {
    # A client in a loop is slowed down before it costs much; the account's own limit is 10,000 a
    # second.
    throttling_rate_limit  = 1000
    throttling_burst_limit = 2000
  }
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_158:it holds neither payloads nor tokens; AWS's own key is enough
  #checkov:skip=CKV_AWS_338:how long logs are kept is a variable
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_permission" "this" {
  statement_id  = "InvokedByApi"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
