output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}

output "name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "dead_letter_url" {
  description = "URL of its dead-letter queue."
  value       = aws_sqs_queue.dead.url
}

output "dead_letter_arn" {
  description = "ARN of its dead-letter queue."
  value       = aws_sqs_queue.dead.arn
}

output "dead_letter_name" {
  description = "Name of its dead-letter queue."
  value       = aws_sqs_queue.dead.name
}

output "visibility_seconds" {
  description = "How long a message that was received stays invisible."
  value       = aws_sqs_queue.this.visibility_timeout_seconds
}

output "beside" {
  description = "URL, ARN and name of each queue beside it, by the ending of its name."
  value       = { for ending, q in aws_sqs_queue.beside : ending => { url = q.url, arn = q.arn, name = q.name } }
}
