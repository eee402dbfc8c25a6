output "name" {
  description = "The alias."
  value       = local.alias.name
}

output "arn" {
  description = "ARN by which the function is called."
  value       = local.alias.arn
}

output "invoke_arn" {
  description = "The same for API Gateway."
  value       = local.alias.invoke_arn
}

output "version" {
  description = "The version that is called."
  value       = local.alias.function_version
}
