output "api_url" {
  description = "Where clients submit orders."
  value       = module.api.url
}

output "websocket_url" {
  description = "Where clients open WebSockets; null without push."
  value       = try(coalesce(var.websocket_public_url, module.push[0].endpoint), null)
}

output "http_api" {
  description = "The HTTP API: its id, stage, ARN for permissions to call it, and where DNS of its domain leads to."
  value = {
    id            = module.api.api_id
    stage         = module.api.stage
    execution_arn = module.api.execution_arn
    domain_target = module.api.domain_target
  }
}

output "websocket_api" {
  description = "The same of the WebSocket API; null without push."
  value = one([for push in module.push : {
    id            = push.api_id
    stage         = push.stage
    execution_arn = push.execution_arn
    domain_target = push.domain_target
  }])
}

output "functions" {
  description = "Name and ARN of each function, by its part of the work."
  value       = merge({ api = { name = module.api.function_name, arn = module.api.function_arn } }, module.worker.functions)
}

output "roles" {
  description = "Name and ARN of each role: the functions' by their part of the work, the container's (task, execution), and signer, by which URLs are signed."
  value = merge(
    { api = { name = module.api.role_name, arn = module.api.role_arn }, signer = { name = aws_iam_role.signer.name, arn = aws_iam_role.signer.arn } },
    module.worker.roles,
  )
}

output "log_groups" {
  description = "Log groups, by the part of the service; access is the HTTP API's."
  value       = merge(module.api.log_groups, module.worker.log_groups)
}

output "queues" {
  description = "Name, URL and ARN of each queue."
  value = merge(
    {
      orders       = { name = module.queue.name, url = module.queue.url, arn = module.queue.arn }
      dead-letters = { name = module.queue.dead_letter_name, url = module.queue.dead_letter_url, arn = module.queue.dead_letter_arn }
    },
    { for priority, queue in module.queue.beside : "orders-${priority}" => { name = queue.name, url = queue.url, arn = queue.arn } },
    module.push[*].queues...
  )
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = module.observability.alarm_names

  precondition {
    condition     = var.budget == null || var.alarm_topic_arn != null
    error_message = "budget needs alarm_topic_arn: the topic that is notified."
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

  precondition {
    condition     = length(local.lifecycle_faults) == 0
    error_message = join("\n", local.lifecycle_faults)
  }
  precondition {
    condition     = var.access == "url" || var.max_signature_age_seconds == null
    error_message = "max_signature_age_seconds needs access = \"url\": with temporary credentials each request has a signature of its own, and they end within the hour."
  }
}

output "bucket_arn" {
  description = "Its ARN."
  value       = module.status_store.bucket_arn
}

output "table_arn" {
  description = "ARN of the order table."
  value       = module.order_table.arn
}

output "table_stream_arn" {
  description = "ARN of its stream; null unless events come from it."
  value       = module.order_table.stream_arn
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

output "environment" {
  description = "What an operator's commands need to know of this deployment, such as `offload keys create`: eval \"$(terraform output -raw environment)\"."
  value = join("\n", [
    for name, value in {
      AWS_REGION                    = data.aws_region.current.id
      OFFLOAD_BUCKET                = module.status_store.bucket
      OFFLOAD_TABLE                 = module.order_table.name
      OFFLOAD_QUEUE_URL             = module.queue.url
      OFFLOAD_DEAD_LETTER_QUEUE_URL = module.queue.dead_letter_url
    } : "export ${name}=${value}"
  ])
}
