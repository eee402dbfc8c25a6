output "api_url" {
  description = "Where clients place orders."
  value       = module.api.url
}

output "bucket" {
  description = "The bucket of status objects and results."
  value       = module.status_store.bucket
}

output "table" {
  description = "The order table."
  value       = module.order_table.name
}

output "queue_url" {
  description = "The queue of orders."
  value       = module.queue.url
}

output "dead_letter_queue_url" {
  description = "Its dead-letter queue, for `offload dlq`."
  value       = module.queue.dead_letter_url
}

output "dashboard" {
  description = "The CloudWatch dashboard."
  value       = module.observability.dashboard
}
