variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "package" {
  description = "Path of offload-api.zip; null with an object in S3."
  type        = string
}

variable "package_s3" {
  description = "The package as an object in S3; null with a path."
  type        = object({ bucket = string, key = string, version = optional(string) })
}

variable "image_uri" {
  description = "The program as an image in ECR; null with a package."
  type        = string
}

variable "vpc" {
  description = "Subnets and security groups of the functions; null for none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "public_url" {
  description = "URL of the API as clients reach it; null for API Gateway's own."
  type        = string
}

variable "access" {
  description = "How clients read status objects: url or sts."
  type        = string
}

variable "auth" {
  description = "How callers are known: none, or some of keys, jwt and gateway, separated by commas."
  type        = string
}

variable "share_work_logs" {
  description = "Whether clients get the logs of the work."
  type        = bool
}

variable "jwt" {
  description = "The issuer of JSON Web Tokens, for jwt and gateway; null without either."
  type = object({
    issuer       = optional(string)
    audience     = optional(string)
    jwks_url     = optional(string)
    tenant_claim = optional(string)
    roles_claim  = optional(string, "roles")
  })
}

variable "cors_origins" {
  description = "Origins whose pages may call the API."
  type        = list(string)
}

variable "bucket" {
  description = "Name of the bucket of status objects."
  type        = string
}

variable "bucket_arn" {
  description = "Its ARN."
  type        = string
}

variable "table" {
  description = "Name of the order table."
  type        = string
}

variable "table_arn" {
  description = "Its ARN."
  type        = string
}

variable "queue_url" {
  description = "URL of the queue of orders."
  type        = string
}

variable "queue_arn" {
  description = "Its ARN."
  type        = string
}

variable "priority_queues" {
  description = "The queues of orders of other priorities, by priority; empty without them."
  type        = map(object({ url = string, arn = string, name = string }))
}

variable "token_secret_arns" {
  description = "Secrets that sign order tokens, in SSM or Secrets Manager, the one that signs first."
  type        = list(string)
}

variable "signer_role_arn" {
  description = "The role that signs URLs."
  type        = string
}

variable "retention_days" {
  description = "Days that the order table remembers an order after the latest time at which it may end."
  type        = number
}

variable "default_deadline_seconds" {
  description = "Seconds until an order without a deadline of its own fails, as the worker has it."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "expected_orders" {
  description = "Orders that all workers together work on at once, for the first estimates; err high."
  type        = number
}

variable "push" {
  description = "Queues and URLs of push, and the settings of its channels; null without it."
  type = object({
    notifications_queue_url             = string
    notifications_queue_arn             = string
    webhooks_queue_url                  = string
    webhooks_queue_arn                  = string
    webhook_retries_queue_url           = string
    notifications_dead_letter_queue_url = string
    connections_arn                     = string
    websocket_url                       = string
    management_url                      = string
    events_from                         = string
    channel_settings                    = map(string)
  })
}

variable "channel_settings" {
  description = "OFFLOAD_ variables of the channels that the api alone has."
  type        = map(string)
}

variable "domain" {
  description = "A domain of its own: name, certificate and zone; null for API Gateway's."
  type        = object({ name = string, certificate_arn = string, zone_id = optional(string) })
}

variable "authorizer" {
  description = "What API Gateway asks whether a caller may pass: jwt, lambda or iam; null for nothing."
  type = object({
    type             = string
    function_arn     = string
    identity_sources = list(string)
    cache_seconds    = number
  })
}

variable "reserved_concurrency" {
  description = "Functions that it has for itself, and the most that it may have; null for a share."
  type        = number
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}

variable "canary" {
  description = "Whether CodeDeploy shifts calls to new versions."
  type        = bool
}
