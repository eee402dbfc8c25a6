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
  value       = module.live.invoke_arn
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
  value       = one(module.domain[*].target)
}

output "live" {
  description = "The function, the alias by which it is called, the version that this points at, and the newest one."
  value = {
    function_name = aws_lambda_function.this.function_name
    function_arn  = aws_lambda_function.this.arn
    alias         = module.live.name
    arn           = module.live.arn
    version       = module.live.version
    newest        = aws_lambda_function.this.version
  }
}

output "package_type" {
  description = "Zip or Image."
  value       = aws_lambda_function.this.package_type
}
