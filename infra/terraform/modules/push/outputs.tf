output "endpoint" {
  description = "Where clients open WebSockets, wss://: the domain's, if there is one."
  value       = local.endpoint
}

output "management_url" {
  description = "Where the service posts to open connections: API Gateway's Management API of the stage."
  value       = replace(local.own_endpoint, "/^wss:/", "https:")
}

output "execution_arn" {
  description = "ARN of the WebSocket API for permissions to call it."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "connections_arn" {
  description = "What one may execute who may post to open connections of the stage."
  value       = "${aws_apigatewayv2_api.this.execution_arn}/${local.stage}/POST/@connections/*"
}

output "api_id" {
  description = "Id of the WebSocket API, for metrics."
  value       = aws_apigatewayv2_api.this.id
}

output "queue_url" {
  description = "URL of the queue of notifications."
  value       = module.queue.url
}

output "queue_arn" {
  description = "ARN of the queue of notifications."
  value       = module.queue.arn
}

output "queue_name" {
  description = "Name of the queue of notifications."
  value       = module.queue.name
}

output "webhooks_queue_url" {
  description = "URL of the queue of webhooks."
  value       = module.webhooks["webhooks"].url
}

output "webhooks_queue_arn" {
  description = "ARN of the queue of webhooks."
  value       = module.webhooks["webhooks"].arn
}

output "webhook_retries_queue_url" {
  description = "URL of the queue of webhooks that are tried again."
  value       = module.webhooks["webhook-retries"].url
}

output "webhook_retries_queue_arn" {
  description = "ARN of the queue of webhooks that are tried again."
  value       = module.webhooks["webhook-retries"].arn
}

output "dead_letter_url" {
  description = "URL of its dead-letter queue."
  value       = module.queue.dead_letter_url
}

output "dead_letter_arn" {
  description = "ARN of its dead-letter queue."
  value       = module.queue.dead_letter_arn
}

output "dead_letter_name" {
  description = "Name of its dead-letter queue."
  value       = module.queue.dead_letter_name
}

output "dead_letter_names" {
  description = "Names of the dead-letter queues of all queues of notifications, by the queue."
  value       = merge({ notifications = module.queue.dead_letter_name }, { for name, queue in module.webhooks : name => queue.dead_letter_name })
}

output "visibility_seconds" {
  description = "How long a notification that was received stays invisible."
  value       = module.queue.visibility_seconds
}

output "stream_failures_arn" {
  description = "ARN of the queue that names the stream's records that could not be handled; null with writers."
  value       = one(aws_sqs_queue.stream_failures[*].arn)
}

output "stream_failures_name" {
  description = "Its name; null with writers."
  value       = one(aws_sqs_queue.stream_failures[*].name)
}

output "stage" {
  description = "The stage of the WebSocket API."
  value       = local.stage
}

output "queues" {
  description = "Name, URL and ARN of each queue of notifications, and of its dead-letter queue."
  value = merge([
    for name, queue in merge({ notifications = module.queue }, module.webhooks) : {
      (name)                 = { name = queue.name, url = queue.url, arn = queue.arn }
      "${name}-dead-letters" = { name = queue.dead_letter_name, url = queue.dead_letter_url, arn = queue.dead_letter_arn }
    }
  ]...)
}

output "domain_target" {
  description = "Where the domain's DNS record leads to; null without one."
  value       = one(module.domain[*].target)
}
