# Domains and authorizer: how clients reach the APIs, and who may.

variable "domain" {
  description = "Domain of the API: its name, the ARN of an ACM certificate in this region and, where Route 53 serves it, the id of its hosted zone. What clients get names it."
  type        = object({ name = string, certificate_arn = string, zone_id = optional(string) })
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.domain.certificate_arn))
    error_message = "domain.certificate_arn is the ARN of a certificate of ACM, in the region of the API."
  }
  validation {
    condition     = var.domain == null || can(regex("^[a-z0-9*][a-z0-9.-]+\\.[a-z]+$", var.domain.name))
    error_message = "domain.name is a name such as orders.example.com, without https://."
  }
}

variable "websocket_domain" {
  description = "The same for the WebSocket API. API Gateway serves both APIs from no one domain, so it has a name of its own."
  type        = object({ name = string, certificate_arn = string, zone_id = optional(string) })
  default     = null

  validation {
    condition     = var.websocket_domain == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.websocket_domain.certificate_arn))
    error_message = "websocket_domain.certificate_arn is the ARN of a certificate of ACM, in the region of the API."
  }
  validation {
    condition     = var.websocket_domain == null || can(regex("^[a-z0-9*][a-z0-9.-]+\\.[a-z]+$", var.websocket_domain.name))
    error_message = "websocket_domain.name is a name such as orders.example.com, without https://."
  }
}

variable "websocket_public_url" {
  description = "URL of the WebSocket API as clients reach it, wss://, where something else than websocket_domain leads to it."
  type        = string
  default     = null

  validation {
    condition     = var.websocket_public_url == null || can(regex("^wss://[^/?#]+", var.websocket_public_url))
    error_message = "websocket_public_url is wss://... ."
  }
}

variable "authorizer" {
  description = "Whom API Gateway lets submit orders and operate: those with a token of the issuer in jwt (type = jwt), those whom a function of yours lets (lambda, with function_arn), those who sign by IAM and may execute-api:Invoke (iam). Orders are read and cancelled by their own tokens all the same. null: auth decides alone."
  type = object({
    type             = string
    function_arn     = optional(string)
    identity_sources = optional(list(string), ["$request.header.Authorization"])
    cache_seconds    = optional(number, 300)
  })
  default = null

  validation {
    condition     = var.authorizer == null || contains(["jwt", "lambda", "iam"], try(var.authorizer.type, ""))
    error_message = "authorizer.type is jwt, lambda or iam."
  }
  validation {
    condition     = try(var.authorizer.type, "") != "lambda" || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:.+$", var.authorizer.function_arn))
    error_message = "authorizer.function_arn is the ARN of the function that is asked, with type = \"lambda\"."
  }
  validation {
    condition     = var.authorizer == null || try(var.authorizer.cache_seconds >= 0 && var.authorizer.cache_seconds <= 3600, false)
    error_message = "authorizer.cache_seconds is from 0 to 3600."
  }
}

locals {
  auth_methods = split(",", replace(var.auth, " ", ""))
  # auth = gateway alone is the issuer of jwt.
  by_issuer  = { type = "jwt", function_arn = null, identity_sources = ["$request.header.Authorization"], cache_seconds = 300 }
  authorizer = var.authorizer != null ? var.authorizer : contains(local.auth_methods, "gateway") ? local.by_issuer : null
}

output "authorizer_type" {
  description = "What API Gateway asks whether a caller may pass: jwt, lambda or iam; null for nothing."
  value       = try(local.authorizer.type, null)

  precondition {
    condition     = try(var.jwt.issuer != null && var.jwt.audience != null, false) || !(contains(local.auth_methods, "jwt") || try(local.authorizer.type == "jwt", false))
    error_message = "jwt with issuer and audience is needed where auth names jwt or gateway, or the authorizer is of the type jwt."
  }
  precondition {
    condition     = try(local.authorizer.type != "iam", true) || var.auth == "none"
    error_message = "With authorizer.type = \"iam\" auth is none: the Authorization header is the signature's, and IAM names neither tenant nor roles. Each that may invoke the API may submit orders, and nobody operates by it."
  }
  precondition {
    condition     = try(local.authorizer.type != "jwt", true) || !contains(local.auth_methods, "keys")
    error_message = "API Gateway refuses API keys where it asks for a JSON Web Token. With auth = \"keys,jwt\" and no authorizer the api checks both."
  }
  precondition {
    condition     = var.websocket_domain == null && var.websocket_public_url == null || var.push
    error_message = "websocket_domain and websocket_public_url need push."
  }
}
