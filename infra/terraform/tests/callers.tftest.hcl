# Who passes API Gateway, and by which domains.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "nothing_is_asked_by_default" {
  command = plan
  assert {
    condition     = output.authorizer_type == null && toset(values(module.api.authorization)) == toset(["NONE"])
    error_message = "the api knows its callers"
  }
}

run "gateway_asks_the_issuer" {
  command = plan
  variables {
    auth = "gateway"
    jwt  = { issuer = "https://login.example.com", audience = "orders" }
  }
  assert {
    condition     = output.authorizer_type == "jwt" && module.api.authorization["POST /order"] == "JWT"
    error_message = "as before there was a variable for it"
  }
}

run "a_function_is_asked" {
  command = plan
  variables {
    auth       = "gateway"
    jwt        = { tenant_claim = "tenant" }
    authorizer = { type = "lambda", function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:may-they" }
  }
  assert {
    condition     = module.api.authorization["POST /order"] == "CUSTOM"
    error_message = "the function decides, and its context names tenant and roles"
  }
}

run "iam_is_asked" {
  command = plan
  variables {
    authorizer = { type = "iam" }
  }
  assert {
    condition     = alltrue([for route, type in module.api.authorization : type == "AWS_IAM" if length(regexall("^POST |/admin/", route)) > 0])
    error_message = "all that callers and operators call"
  }
  assert {
    condition = toset([for route, type in module.api.authorization : route if type == "NONE"]) == toset([
      "GET /order/{id}", "GET /group/{id}", "DELETE /order/{id}", "OPTIONS /order", "OPTIONS /orders", "OPTIONS /order/{id}", "OPTIONS /group/{id}",
    "GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs"])
    error_message = "an order's token opens it, and a preflight has no credentials"
  }
}

run "iam_names_no_tenant" {
  command = plan
  variables {
    auth       = "keys"
    authorizer = { type = "iam" }
  }
  expect_failures = [output.authorizer_type]
}

run "an_api_key_is_no_web_token" {
  command = plan
  variables {
    auth = "keys,gateway"
    jwt  = { issuer = "https://login.example.com", audience = "orders" }
  }
  expect_failures = [output.authorizer_type]
}

run "an_issuer_is_needed" {
  command = plan
  variables {
    authorizer = { type = "jwt" }
  }
  expect_failures = [output.authorizer_type]
}

run "a_function_is_named" {
  command = plan
  variables {
    authorizer = { type = "lambda" }
  }
  expect_failures = [var.authorizer]
}

run "an_authorizer_has_a_type" {
  command = plan
  variables {
    authorizer = { type = "cognito" }
  }
  expect_failures = [var.authorizer]
}

run "domains_are_what_clients_get" {
  command = plan
  variables {
    domain           = { name = "orders.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/a", zone_id = "Z1" }
    websocket_domain = { name = "push.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/a" }
  }
  assert {
    condition     = output.api_url == "https://orders.example.com" && output.websocket_url == "wss://push.example.com"
    error_message = "clients get the domains"
  }
}

run "a_url_of_something_else_goes_first" {
  command = plan
  variables {
    domain               = { name = "orders.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/a" }
    public_url           = "https://cdn.example.com"
    websocket_public_url = "wss://cdn.example.com/push"
  }
  assert {
    condition     = output.api_url == "https://cdn.example.com" && output.websocket_url == "wss://cdn.example.com/push"
    error_message = "a CDN in front"
  }
}

run "a_certificate_is_an_arn" {
  command = plan
  variables {
    domain = { name = "https://orders.example.com", certificate_arn = "certificate" }
  }
  expect_failures = [var.domain]
}

run "every_id_is_an_output" {
  command = plan
  variables {
    priorities = true
  }
  assert {
    condition     = toset(keys(output.functions)) == toset(["api", "worker", "dead_letters", "sweeper", "notifier"]) && toset(keys(output.roles)) == toset(concat(keys(output.functions), ["signer"]))
    error_message = "every function has a role, and URLs are signed by one more"
  }
  assert {
    condition = toset(keys(output.queues)) == toset(["orders", "dead-letters", "orders-high", "orders-low", "orders-quiet", "notifications",
    "notifications-dead-letters", "webhooks", "webhooks-dead-letters", "webhook-retries", "webhook-retries-dead-letters"])
    error_message = "every queue"
  }
  assert {
    condition     = toset(keys(output.log_groups)) == toset(concat(keys(output.functions), ["access"]))
    error_message = "every log"
  }
}
