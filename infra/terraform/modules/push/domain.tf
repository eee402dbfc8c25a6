# A domain of one's own for the WebSocket API. It needs another name than the HTTP API: API Gateway
# serves both kinds from no domain.
module "domain" {
  source = "../domain"
  count  = var.domain == null ? 0 : 1

  domain = var.domain
  api_id = aws_apigatewayv2_api.this.id
  stage  = aws_apigatewayv2_stage.this.name
}

moved {
  from = aws_apigatewayv2_domain_name.this[0]
  to   = module.domain[0].aws_apigatewayv2_domain_name.this
}

moved {
  from = aws_apigatewayv2_api_mapping.this[0]
  to   = module.domain[0].aws_apigatewayv2_api_mapping.this
}

moved {
  from = aws_route53_record.this
  to   = module.domain[0].aws_route53_record.this
}
