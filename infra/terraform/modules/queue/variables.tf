variable "name" {
  description = "The queue's name; its dead-letter queue has -dead behind it."
  type        = string
}

variable "visibility_seconds" {
  description = "How long a message that was received stays invisible unless its receiver says otherwise: with Lambda at least six times the function's timeout."
  type        = number
}

variable "beside" {
  description = "Endings of the names of queues beside it, which share its dead-letter queue."
  type        = set(string)
  default     = []
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}
