output "arns" {
  description = "Its versions that are in force, the one that signs first."
  value       = [for v in local.used : aws_ssm_parameter.this[v].arn]
}

output "readable" {
  description = "What a role may read to read it: all versions, so that a new one can be read at once."
  value       = ["${var.arn_prefix}${local.path}/*"]
}

output "parameters" {
  description = "Type, key and version of each parameter, by its name."
  value       = { for p in aws_ssm_parameter.this : p.name => { type = p.type, key_id = p.key_id, value_wo_version = p.value_wo_version } }
}

output "versions" {
  description = "Those in force, the one that signs first."
  value       = local.used
}
