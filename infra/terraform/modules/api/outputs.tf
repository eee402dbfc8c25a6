output "url" {
  description = "Where clients place orders."
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
