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

output "container" {
  description = "Cluster and service of the containers; null with lambda."
  value       = module.worker.container

  precondition {
    condition     = var.worker_runtime != "fargate" || var.fargate != null
    error_message = "worker_runtime = \"fargate\" needs fargate: the image, subnet_ids and security_groups."
  }
  precondition {
    condition     = try(var.fargate.min_tasks >= 1 && var.fargate.min_tasks <= var.worker_max_concurrency, true)
    error_message = "fargate.min_tasks is from 1, because a container also sweeps and ends dead letters, to worker_max_concurrency."
  }
  precondition {
    condition     = var.worker_runtime != "fargate" || try(tonumber(lookup(var.worker_settings, "OFFLOAD_SHUTDOWN_GRACE_SECONDS", "25")), 0) <= 115
    error_message = "OFFLOAD_SHUTDOWN_GRACE_SECONDS is 115 at most with fargate, which kills a task 120 s after it asked it to stop."
  }
}
