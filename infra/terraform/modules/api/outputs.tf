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
