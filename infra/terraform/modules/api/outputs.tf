output "url" {
  description = "Where clients submit orders."
  value       = local.url
}

output "api_id" {
  description = "Id of the HTTP API, for metrics."
  value       = aws_apigatewayv2_api.this.id
}

output "function_name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "The function's role, which the signer trusts."
  value       = aws_iam_role.this.arn
}

output "function_arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "invoke_arn" {
  description = "The ARN by which API Gateway invokes the function."
  value       = aws_lambda_function.this.invoke_arn
}

output "execution_arn" {
  description = "ARN of the HTTP API for permissions to call it."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "stage" {
  description = "The stage of the HTTP API."
  value       = aws_apigatewayv2_stage.this.name
}

output "role_name" {
  description = "The name of the function's role."
  value       = aws_iam_role.this.name
}

output "log_groups" {
  description = "The function's log group, and that of the API's access log."
  value       = { api = aws_cloudwatch_log_group.this.name, access = aws_cloudwatch_log_group.access.name }
}

output "authorization" {
  description = "How each route is authorized."
  value       = { for route, r in aws_apigatewayv2_route.this : route => r.authorization_type }
}

output "domain_target" {
  description = "Where the domain's DNS record leads to; null without one."
  value       = one([for d in aws_apigatewayv2_domain_name.this : { name = d.domain_name_configuration[0].target_domain_name, zone_id = d.domain_name_configuration[0].hosted_zone_id }])
}
