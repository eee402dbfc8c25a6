output "name" {
  description = "The domain."
  value       = aws_apigatewayv2_domain_name.this.domain_name
}

output "target" {
  description = "Where its DNS record leads to."
  value       = { name = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].target_domain_name, zone_id = aws_apigatewayv2_domain_name.this.domain_name_configuration[0].hosted_zone_id }
}

output "stage" {
  description = "The stage that it leads to."
  value       = aws_apigatewayv2_api_mapping.this.stage
}

output "records" {
  description = "The types of its records in Route 53; empty without a zone."
  value       = toset(keys(aws_route53_record.this))
}
