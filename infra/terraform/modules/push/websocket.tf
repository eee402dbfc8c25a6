# The WebSocket API of API Gateway, which keeps connections open in place of a function. Its routes
# are the api's.

resource "aws_apigatewayv2_api" "this" {
  name          = "${var.name}-websocket"
  description   = "Pushes changes of their orders to clients in ${var.name}."
  protocol_type = "WEBSOCKET"
  # {"action": "subscribe", …}
  route_selection_expression = "$request.body.action"
}

locals {
  # A WebSocket API has no stage without a name.
  stage = "push"
  # Not the stage's own attribute: the function's settings have this URL, and the stage's routes
  # need the function.
  own_endpoint = "${aws_apigatewayv2_api.this.api_endpoint}/${local.stage}"
  endpoint     = try("wss://${module.domain[0].name}", local.own_endpoint)

  # The routes, and whether the function's answer goes back to the client. What nobody knows is
  # $default, and gets an answer that says so.
  routes = {
    "$connect"    = false
    "$disconnect" = false
    "$default"    = true
    "subscribe"   = true
  }
}

resource "aws_apigatewayv2_integration" "this" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "AWS_PROXY"
  integration_uri  = var.api_invoke_arn
  # Another alias is not called before it may be.
  depends_on = [aws_lambda_permission.this]
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:a connection alone gets nothing; each subscription sends the token of its order
  for_each = local.routes

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.this.id}"
  # Without it what the function answers is dropped.
  route_response_selection_expression = each.value ? "$default" : null
}

resource "aws_apigatewayv2_route_response" "this" {
  for_each = toset([for route, answers in local.routes : route if answers])

  api_id             = aws_apigatewayv2_api.this.id
  route_id           = aws_apigatewayv2_route.this[each.value].id
  route_response_key = "$default"
}

resource "aws_apigatewayv2_stage" "this" {
  #checkov:skip=CKV2_AWS_51:behind it is a function, which is called by IAM and takes no certificate
  api_id      = aws_apigatewayv2_api.this.id
  name        = local.stage
  auto_deploy = true
  # A WebSocket API without routes cannot be deployed.
  depends_on = [aws_apigatewayv2_route.this]

  dynamic "access_log_settings" {
    for_each = var.access_logs ? [1] : []
    content {
      destination_arn = aws_cloudwatch_log_group.access[0].arn
      # Without the messages: they hold tokens.
      format = jsonencode({
        requestId = "$context.requestId"
        event     = "$context.eventType"
        route     = "$context.routeKey"
        status    = "$context.status"
        latencyMs = "$context.integrationLatency"
        error     = "$context.integrationErrorMessage"
      })
    }
  }

  default_route_settings {
    # A client in a loop is slowed down before it costs much; an account's own limit is 500 new
    # connections a second.
    throttling_rate_limit  = 1000
    throttling_burst_limit = 2000
  }
}

resource "aws_cloudwatch_log_group" "access" {
  count             = var.access_logs ? 1 : 0
  name              = "/aws/apigateway/${var.name}-websocket"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_permission" "this" {
  statement_id  = "InvokedByWebSocket"
  action        = "lambda:InvokeFunction"
  function_name = var.api_function_arn
  qualifier     = var.api_alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/${local.stage}/*"

  lifecycle {
    create_before_destroy = true
  }
}
