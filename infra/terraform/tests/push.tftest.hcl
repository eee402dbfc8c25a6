# What clients and functions know of the WebSocket API, applied to resources that Terraform makes
# up.

mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:queue" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:group" }
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      api_endpoint  = "wss://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:abc"
    }
  }
}

run "addresses_and_routes" {
  module {
    source = "./modules/push"
  }
  variables {
    name                     = "offload"
    key_arn                  = null
    api_alias                = "live"
    api_function_arn         = "arn:aws:lambda:eu-west-1:123456789012:function:offload-api"
    api_invoke_arn           = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:offload-api/invocations"
    notifier_arn             = "arn:aws:lambda:eu-west-1:123456789012:function:offload-notifier"
    notifier_timeout_seconds = 30
    notifier_max_concurrency = 50
    events_from              = "stream"
    table_stream_arn         = "arn:aws:dynamodb:eu-west-1:123456789012:table/offload-orders/stream/2026-10-01T00:00:00.000"
    access_logs              = true
    log_retention_days       = 30
    domain                   = null
  }
  assert {
    condition     = output.endpoint == "wss://abc.execute-api.eu-west-1.amazonaws.com/push"
    error_message = "clients connect to the stage"
  }
  assert {
    condition     = output.management_url == "https://abc.execute-api.eu-west-1.amazonaws.com/push"
    error_message = "the Management API is the stage's"
  }
  assert {
    condition     = output.connections_arn == "arn:aws:execute-api:eu-west-1:123456789012:abc/push/POST/@connections/*"
    error_message = "roles may post to connections of the stage"
  }
  assert {
    condition     = toset(keys(aws_apigatewayv2_route.this)) == toset(["$connect", "$disconnect", "$default", "subscribe"])
    error_message = "what the function serves"
  }
  assert {
    condition     = toset([for route, r in aws_apigatewayv2_route.this : route if r.route_response_selection_expression == "$default"]) == toset(keys(aws_apigatewayv2_route_response.this))
    error_message = "a route that answers has a route response"
  }
}

run "a_domain_is_for_clients_alone" {
  module {
    source = "./modules/push"
  }
  variables {
    name                     = "offload"
    key_arn                  = null
    api_alias                = "live"
    api_function_arn         = "arn:aws:lambda:eu-west-1:123456789012:function:offload-api"
    api_invoke_arn           = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:offload-api/invocations"
    notifier_arn             = "arn:aws:lambda:eu-west-1:123456789012:function:offload-notifier"
    notifier_timeout_seconds = 30
    notifier_max_concurrency = 50
    events_from              = "writers"
    table_stream_arn         = null
    access_logs              = false
    log_retention_days       = 30
    domain                   = { name = "push.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/a", zone_id = "Z1" }
  }
  assert {
    condition     = output.endpoint == "wss://push.example.com" && module.domain[0].stage == "push"
    error_message = "the domain leads to the stage"
  }
  assert {
    condition     = output.management_url == "https://abc.execute-api.eu-west-1.amazonaws.com/push"
    error_message = "the notifier posts to API Gateway's own address, for which its role has the permission"
  }
  assert {
    condition     = module.domain[0].records == toset(["A", "AAAA"])
    error_message = "Route 53 leads there"
  }
}
