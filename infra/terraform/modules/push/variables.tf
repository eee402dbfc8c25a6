variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "api_function_arn" {
  description = "ARN of the api's function, which serves the WebSocket API's routes."
  type        = string
}

variable "api_alias" {
  description = "The alias by which it is called."
  type        = string
}

variable "api_invoke_arn" {
  description = "The ARN by which API Gateway invokes it."
  type        = string
}

variable "notifier_arn" {
  description = "ARN of the worker's function that delivers notifications."
  type        = string
}

variable "notifier_timeout_seconds" {
  description = "The longest that an invocation of it may take: the queue's visibility is six times that."
  type        = number
}

variable "notifier_max_concurrency" {
  description = "Invocations of it at once, by the queue of notifications."
  type        = number
}

variable "events_from" {
  description = "Where events come from: writers, or stream (the order table's)."
  type        = string
}

variable "table_stream_arn" {
  description = "ARN of the order table's stream; null with writers."
  type        = string
}

variable "access_logs" {
  description = "Whether the WebSocket API has access logs: the account needs a role for API Gateway's logs then (`aws_api_gateway_account`)."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "domain" {
  description = "A domain of its own: name, certificate and zone; null for API Gateway's."
  type        = object({ name = string, certificate_arn = string, zone_id = optional(string) })
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}
