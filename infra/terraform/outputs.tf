output "api_url" {
  description = "Where clients submit orders."
  value       = module.api.url
}

output "websocket_url" {
  description = "Where clients open WebSockets; null without push."
  value       = one(module.push[*].endpoint)
}

output "notifications_queue_url" {
  description = "The queue of notifications; null without push."
  value       = one(module.push[*].queue_url)
}

output "notifications_dead_letter_queue_url" {
  description = "Its dead-letter queue, for notifications that failed at every attempt; null without push."
  value       = one(module.push[*].dead_letter_url)
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

output "priority_queue_urls" {
  description = "The queues of orders of other priorities, by priority; empty without them."
  value       = { for priority, queue in module.queue.beside : priority => queue.url }
}

output "dead_letter_queue_url" {
  description = "Its dead-letter queue, for `offload dlq`."
  value       = module.queue.dead_letter_url
}

output "dashboard" {
  description = "The CloudWatch dashboard."
  value       = module.observability.dashboard
}
