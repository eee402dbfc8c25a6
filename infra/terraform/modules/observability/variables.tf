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

variable "push" {
  description = "The queues of push, and whether there is one of the stream's failures; null without push."
  type = object({
    queue_name                 = string
    dead_letter_queue_name     = string
    stream                     = bool
    stream_failures_queue_name = string
  })
}
