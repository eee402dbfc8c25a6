# A domain of one's own for a stage of API Gateway, and where Route 53 serves it, its records.

resource "aws_apigatewayv2_domain_name" "this" {
  domain_name = var.domain.name

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  api_id      = var.api_id
  domain_name = aws_apigatewayv2_domain_name.this.id
  stage       = var.stage
}

resource "aws_route53_record" "this" {
  for_each = var.domain.zone_id == null ? [] : toset(["A", "AAAA"])
  zone_id  = var.domain.zone_id
  name     = aws_apigatewayv2_domain_name.this.domain_name
  type     = each.value

  alias {
    name                   = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
