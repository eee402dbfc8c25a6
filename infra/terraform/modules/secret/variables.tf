variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "secret" {
  description = "What it is called within that, such as token-secret."
  type        = string
}

variable "description" {
  description = "What it is for."
  type        = string
}

variable "current" {
  description = "The version that signs."
  type        = number
}

variable "webhooks" {
  description = "Whether it signs webhooks, and so has the form of Standard Webhooks: whsec_ and base64."
  type        = bool
  default     = false
}

variable "arn_prefix" {
  description = "What parameters' ARNs begin with: arn:aws:ssm:{region}:{account}:parameter."
  type        = string
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}
