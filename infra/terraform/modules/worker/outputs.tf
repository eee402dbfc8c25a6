output "function_names" {
  description = "Names of the functions, for alarms; empty with fargate."
  value       = [for f in aws_lambda_function.function : f.function_name]
}

output "signing_role_arns" {
  description = "The roles that sign URLs of results, which the signer trusts."
  value = concat(
    [for part, role in aws_iam_role.function : role.arn if contains(["worker", "dead_letters"], part)],
    aws_iam_role.task[*].arn,
  )
}
