variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "package" {
  description = "Path of offload-worker.zip; null with an object in S3."
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

variable "runtime" {
  description = "lambda or fargate."
  type        = string
}

variable "timeout_seconds" {
  description = "With lambda: the longest that an invocation may take."
  type        = number
}

variable "max_concurrency" {
  description = "With lambda: invocations at once, by each queue. With fargate: the most tasks."
  type        = number
}

variable "orders_at_once" {
  description = "Orders that one task works on at once."
  type        = number
}

variable "provisioned_pollers" {
  description = "With lambda: pollers that are kept ready; null for Lambda's own scaling."
  type        = object({ minimum = number, maximum = number })
}

variable "processor" {
  description = "Name of the processor that does the work."
  type        = string
}

variable "settings" {
  description = "More OFFLOAD_ variables of the worker."
  type        = map(string)
}

variable "fargate" {
  description = "With fargate: image, network, size, and what the number of tasks is computed from."
  type = object({
    image           = string
    subnet_ids      = list(string)
    security_groups = list(string)
    cpu             = optional(number, 256)
    memory          = optional(number, 512)
    min_tasks       = optional(number, 1)
    orders_per_task = optional(number)
  })
}

variable "bucket" {
  description = "Name of the bucket of status objects and results."
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

variable "queue_name" {
  description = "Its name."
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

variable "dead_letter_queue_url" {
  description = "URL of its dead-letter queue."
  type        = string
}

variable "dead_letter_queue_arn" {
  description = "Its ARN."
  type        = string
}

variable "signer_role_arn" {
  description = "The role that signs URLs of results."
  type        = string
}

variable "retention_days" {
  description = "Days that the order table remembers an order after the latest time at which it may end."
  type        = number
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "notifier_timeout_seconds" {
  description = "The longest that an invocation of the notifier may take."
  type        = number
}

variable "push" {
  description = "Queues of push, and the settings of its channels; null without it."
  type = object({
    notifications_queue_url             = string
    notifications_queue_arn             = string
    webhooks_queue_url                  = string
    webhooks_queue_arn                  = string
    webhook_retries_queue_url           = string
    webhook_retries_queue_arn           = string
    notifications_dead_letter_queue_url = string
    notifications_dead_letter_queue_arn = string
    connections_arn                     = string
    events_from                         = string
    table_stream_arn                    = string
    stream_failures_arn                 = string
    channel_settings                    = map(string)
  })
}

variable "notifier_settings" {
  description = "OFFLOAD_ variables of the channels that the notifier alone has."
  type        = map(string)
}

variable "notifier_statements" {
  description = "What the notifier's role may do for the channels."
  type        = list(object({ Sid = string, Effect = string, Action = list(string), Resource = string }))
}

variable "own_statements" {
  description = "What the team's own work may do beside."
  type        = list(object({ Sid = string, Effect = string, Action = list(string), Resource = list(string), Condition = map(map(list(string))) }))
}

variable "secrets" {
  description = "Variables of the container by the ARN of a secret or parameter."
  type        = map(string)
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}

variable "canary" {
  description = "Whether CodeDeploy shifts the work to new versions of the function."
  type        = bool
}
