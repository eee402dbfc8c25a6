output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
}

output "status_transition_days" {
  description = "Days after which status objects change their tier, as the rules have it."
  value       = [for t in var.status_transitions : max(t.days, var.status_standard_days)]
}
