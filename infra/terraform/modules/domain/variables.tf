variable "domain" {
  description = "Its name, certificate, and zone of Route 53; without a zone the operator's DNS leads there."
  type        = object({ name = string, certificate_arn = string, zone_id = optional(string) })
}

variable "api_id" {
  description = "The API that it leads to."
  type        = string
}

variable "stage" {
  description = "The stage of the API."
  type        = string
}
