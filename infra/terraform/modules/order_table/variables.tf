variable "name" {
  description = "Prefix of the table's name."
  type        = string
}

variable "point_in_time_recovery" {
  description = "Whether the table can be restored to any second of the last 35 days."
  type        = bool
}

variable "deletion_protection" {
  description = "Whether the table survives a destroy."
  type        = bool
}

variable "stream" {
  description = "Whether the table has a stream of its changes, for `events_from = \"stream\"`."
  type        = bool
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}
