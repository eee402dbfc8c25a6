variable "name" {
  description = "Prefix of the bucket's name."
  type        = string
}

variable "account_id" {
  description = "The account, which makes the bucket's name unique."
  type        = string
}

variable "access" {
  description = "How clients read: url or sts, where they sign requests themselves."
  type        = string
}

variable "cors_origins" {
  description = "Origins whose pages may read status objects."
  type        = list(string)
}

variable "allowed_cidrs" {
  description = "Networks from which presigned URLs may be used; empty for everywhere."
  type        = list(string)
}

variable "max_signature_age_seconds" {
  description = "The oldest that a presigned URL may be when it is used; null for no limit but its own."
  type        = number
}

variable "status_standard_days" {
  description = "Days that status objects stay in Standard at least."
  type        = number
}

variable "status_transitions" {
  description = "Tiers of status objects: days since creation and storage class."
  type        = list(object({ days = number, storage_class = string }))
}

variable "status_expire_days" {
  description = "Days until status objects are deleted."
  type        = number
}

variable "result_transitions" {
  description = "Tiers of results: days since creation and storage class."
  type        = list(object({ days = number, storage_class = string }))
}

variable "result_expire_days" {
  description = "Days until results are deleted."
  type        = number
}

variable "work_log_expire_days" {
  description = "Days until the logs of the work are deleted."
  type        = number
}

variable "force_destroy" {
  description = "Whether a destroy deletes the objects too."
  type        = bool
}

variable "key_arn" {
  description = "The customer's key of KMS; null for AWS's own."
  type        = string
}
