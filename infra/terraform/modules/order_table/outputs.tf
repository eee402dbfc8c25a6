output "name" {
  description = "The table's name."
  value       = aws_dynamodb_table.this.name
}

output "arn" {
  description = "The table's ARN."
  value       = aws_dynamodb_table.this.arn
}

output "index" {
  description = "The name of its index."
  value       = one([for index in aws_dynamodb_table.this.global_secondary_index : index.name])
}

output "stream_arn" {
  description = "ARN of the stream of the table's changes; null without one."
  value       = var.stream ? aws_dynamodb_table.this.stream_arn : null
}
