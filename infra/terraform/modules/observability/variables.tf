variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "region" {
  description = "The region, for the dashboard."
  type        = string
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to; null for alarms that notify nobody."
  type        = string
}

variable "budget" {
  description = "What a month may cost in US dollars, and the tag of what counts; null for no budget."
  type = object({
    monthly_usd = number
    tag         = optional(object({ key = string, value = string }))
  })
  default = null
}

variable "queue_name" {
  description = "The queue of orders."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "Its dead-letter queue."
  type        = string
}

variable "api_id" {
  description = "The HTTP API."
  type        = string
}

variable "functions" {
  description = "Names of all functions."
  type        = list(string)
}

variable "table_name" {
  description = "The order table."
  type        = string
}

variable "table_index" {
  description = "The index of the order table."
  type        = string
}

variable "priority_queue_names" {
  description = "The queues of orders of other priorities, by priority; empty without them."
  type        = map(string)
}

variable "log_groups" {
  description = "The log groups of the worker's functions or container, by part: worker, dead_letters, sweeper, container."
  type        = map(string)
}

variable "sweeper_function" {
  description = "The function that sweeps; null where containers do."
  type        = string
}

variable "container" {
  description = "Cluster and service of the containers; null without."
  type        = object({ cluster = string, service = string })
}

variable "alarm_waiting_seconds" {
  description = "The mean wait for a first attempt that raises an alarm, by priority; null for no such alarm."
  type        = object({ high = number, normal = number, low = number })
}

variable "push" {
  description = "The WebSocket API and the queues of push, and whether there is one of the stream's failures; null without push."
  type = object({
    api_id                     = string
    queue_name                 = string
    dead_letter_queue_names    = map(string)
    stream                     = bool
    stream_failures_queue_name = string
  })
}
