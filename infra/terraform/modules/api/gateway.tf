# The HTTP API in front of the function.

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Orders of ${var.name}."
  protocol_type = "HTTP"
  # CORS is the program's own, the same as in a container.
}

locals {
  url = coalesce(var.public_url, one([for d in module.domain : "https://${d.name}"]), aws_apigatewayv2_api.this.api_endpoint)

  # The routes that a function serves, by who may pass. Anything else is refused by API Gateway,
  # unbilled by Lambda.
  routes = {
    # What callers and operators call: an authorizer is asked.
    callers = [
      "POST /order",
      "POST /orders",
      "GET /admin/orders",
      "GET /admin/orders/{id}",
      "GET /admin/orders/{id}/log",
      "DELETE /admin/orders/{id}",
      "POST /admin/orders/{id}/cancel",
      "POST /admin/orders/{id}/redrive",
      "POST /admin/orders/{id}/purge",
      "GET /admin/counts",
      "GET /admin/workers",
      "GET /admin/deliveries",
      "GET /admin/deliveries/{id}",
      "POST /admin/deliveries/{id}",
      "GET /admin/actions",
      "POST /admin/actions",
      "GET /admin/actions/{id}",
      "DELETE /admin/actions/{id}",
      "POST /webhooks/secret",
    ]
    # What is of an order, which its token opens that an authorizer would refuse; preflights, which
    # have no credentials; and what says nothing of orders.
    everybody = [
      "GET /order/{id}",
      "GET /group/{id}",
      "DELETE /order/{id}",
      "OPTIONS /order",
      "OPTIONS /orders",
      "OPTIONS /order/{id}",
      "OPTIONS /group/{id}",
      "GET /healthz",
      "GET /readyz",
      "GET /openapi.json",
      "GET /docs",
    ]
  }
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.live.invoke_arn
  payload_format_version = "2.0"
  # Another alias is not called before it may be.
  depends_on = [aws_lambda_permission.this]
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:the program knows its callers by itself where there is no authorizer; orders have tokens of their own
  for_each = toset(flatten(values(local.routes)))

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.this.id}"

  authorization_type = contains(local.routes.callers, each.value) ? local.authorization_type : "NONE"
  authorizer_id      = contains(local.routes.callers, each.value) ? one(aws_apigatewayv2_authorizer.this[*].id) : null
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
  # Of groups with this prefix the account's policy for log delivery, whose length is limited, has
  # one entry for all.
  name              = "/aws/vendedlogs/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_permission" "this" {
  statement_id  = "InvokedByApi"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = module.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"

  lifecycle {
    create_before_destroy = true
  }
}
