output "function_names" {
  description = "Names of the functions, for alarms; with fargate the notifier alone."
  value       = [for f in aws_lambda_function.function : f.function_name]
}

output "log_groups" {
  description = "Log groups of the functions, by part, and of the container."
  value = merge(
    { for part, group in aws_cloudwatch_log_group.function : part => group.name },
    { for group in aws_cloudwatch_log_group.container : "container" => group.name },
  )
}

output "sweeper_function" {
  description = "Name of the function that sweeps; null with fargate."
  value       = one([for part, f in aws_lambda_function.function : f.function_name if part == "sweeper"])
}

output "container" {
  description = "Cluster and service of the containers; null with lambda."
  value       = one([for s in aws_ecs_service.this : { cluster = aws_ecs_cluster.this[0].name, service = s.name }])
}

output "signing_role_arns" {
  description = "The roles that sign URLs of results, which the signer trusts."
  value = concat(
    [for part, role in aws_iam_role.function : role.arn if contains(["worker", "dead_letters"], part)],
    aws_iam_role.task[*].arn,
  )
}

output "notifier_arn" {
  description = "ARN by which the function is called that delivers notifications; null without push."
  value       = one([for part, f in module.live : f.arn if part == "notifier"])
  # An event source is refused while the function's role may not read it.
  depends_on = [aws_iam_role_policy.function]
}

output "functions" {
  description = "Name and ARN of each function, by its part of the work."
  value       = { for part, f in aws_lambda_function.function : part => { name = f.function_name, arn = f.arn } }
}

output "roles" {
  description = "Name and ARN of each role, by the part of the work; task and execution are the container's."
  value = merge(
    { for part, role in aws_iam_role.function : part => { name = role.name, arn = role.arn } },
    { for role in aws_iam_role.task : "task" => { name = role.name, arn = role.arn } },
    { for role in aws_iam_role.execution : "execution" => { name = role.name, arn = role.arn } },
  )
}

output "live" {
  description = "Each function, the alias by which it is called, the version that this points at, and the newest one, by its part of the work."
  value = {
    for part, f in aws_lambda_function.function : part => {
      function_name = f.function_name
      function_arn  = f.arn
      alias         = module.live[part].name
      arn           = module.live[part].arn
      version       = module.live[part].version
      newest        = f.version
    }
  }
}

output "package_types" {
  description = "Zip or Image, by the part of the work."
  value       = { for part, f in aws_lambda_function.function : part => f.package_type }
}
