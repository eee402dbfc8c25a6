output "api_url" {
  description = "Where clients submit orders."
  value       = module.api.url
}

output "websocket_url" {
  description = "Where clients open WebSockets; null without push."
  value       = one(module.push[*].endpoint)

  precondition {
    condition     = var.push || (var.event_topic_arn == null && var.appsync_url == null && var.mercure_url == null && var.webhook_secret == null && !var.step_functions && var.events_from == "writers")
    error_message = "Webhooks, events and the tasks of Step Functions need push, which is false."
  }
  precondition {
    condition     = var.appsync_url == null || var.appsync_api_key != null || var.appsync_api_arn != null
    error_message = "appsync_url needs appsync_api_key, or appsync_api_arn for the notifier's role to be allowed to publish."
  }
  precondition {
    condition     = var.mercure_url == null || var.mercure_jwt != null
    error_message = "mercure_url needs mercure_jwt: a hub lets nobody publish without."
  }
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

output "dead_letter_queue_url" {
  description = "Its dead-letter queue, for `offload dlq`."
  value       = module.queue.dead_letter_url
}

output "dashboard" {
  description = "The CloudWatch dashboard."
  value       = module.observability.dashboard
}
