variable "function_name" {
  description = "The function."
  type        = string
}

variable "function_version" {
  description = "Its newest version."
  type        = string
}

variable "shifted" {
  description = "Whether CodeDeploy shifts calls from version to version."
  type        = bool
}
