# Whom API Gateway lets through to the function.

locals {
  authorization_type = try({ jwt = "JWT", lambda = "CUSTOM", iam = "AWS_IAM" }[var.authorizer.type], "NONE")
}

# IAM needs none: API Gateway checks the signature, and the caller's policy.
resource "aws_apigatewayv2_authorizer" "this" {
  count = contains(["JWT", "CUSTOM"], local.authorization_type) ? 1 : 0

  api_id           = aws_apigatewayv2_api.this.id
  name             = "callers"
  authorizer_type  = local.authorization_type == "JWT" ? "JWT" : "REQUEST"
  identity_sources = var.authorizer.identity_sources

  dynamic "jwt_configuration" {
    for_each = local.authorization_type == "JWT" ? var.jwt[*] : []
    content {
      issuer   = jwt_configuration.value.issuer
      audience = [jwt_configuration.value.audience]
    }
  }

  authorizer_uri                    = local.authorization_type == "CUSTOM" ? "arn:${data.aws_partition.current.partition}:apigateway:${data.aws_region.current.id}:lambda:path/2015-03-31/functions/${var.authorizer.function_arn}/invocations" : null
  authorizer_payload_format_version = local.authorization_type == "CUSTOM" ? "2.0" : null
  # {"isAuthorized": true, "context": {…}}
  enable_simple_responses          = local.authorization_type == "CUSTOM" ? true : null
  authorizer_result_ttl_in_seconds = local.authorization_type == "CUSTOM" ? var.authorizer.cache_seconds : null
}

resource "aws_lambda_permission" "authorizer" {
  count         = local.authorization_type == "CUSTOM" ? 1 : 0
  statement_id  = "Authorizes-${var.name}"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.function_arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.this[0].id}"
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

moved {
  from = aws_apigatewayv2_authorizer.jwt
  to   = aws_apigatewayv2_authorizer.this
}
