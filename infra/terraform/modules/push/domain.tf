# A domain of one's own for the WebSocket API. It needs another name than the HTTP API:
# API Gateway serves both kinds from no domain.

resource "aws_apigatewayv2_domain_name" "this" {
  count       = var.domain == null ? 0 : 1
  domain_name = var.domain.name

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count       = var.domain == null ? 0 : 1
  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.this.name
}

resource "aws_route53_record" "this" {
  for_each = try(var.domain.zone_id, null) == null ? [] : toset(["A", "AAAA"])
  zone_id  = var.domain.zone_id
  name     = aws_apigatewayv2_domain_name.this[0].domain_name
  type     = each.value

  alias {
    name                   = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
