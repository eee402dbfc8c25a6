variable "name" {
  description = "Prefix of the queues' names."
  type        = string
}

variable "visibility_seconds" {
  description = "How long a message that was received stays invisible unless its worker says otherwise: with Lambda at least six times the function's timeout."
  type        = number
}
