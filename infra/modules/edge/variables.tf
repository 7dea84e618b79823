variable "region" {
  description = "The region of this site."
  type        = string
}

variable "network" {
  description = "VPC and subnets of the load balancer and of the VPC link."
  type        = object({ vpc_id = string, subnet_ids = list(string) })
}

variable "hosts" {
  description = "Public names: shared (moves with the state), regional (always this site), origin (what shared answers with)."
  type        = object({ shared = string, regional = string, origin = string })
}

variable "zone_id" {
  description = "The hosted zone of the names."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate of this region that covers the shared and the regional name."
  type        = string
}

variable "port" {
  description = "Port of the api's tasks."
  type        = number
}

variable "throttling" {
  description = "Requests a second for the whole API, and how many may come at once."
  type        = object({ rate = number, burst = number })
  default     = { rate = 2000, burst = 1000 }

  validation {
    condition     = var.throttling.rate >= 1 && var.throttling.burst >= 1
    error_message = "throttling.rate and throttling.burst must be at least 1: 0 would refuse every request."
  }
}

variable "jwt" {
  description = "OpenID issuer and audiences whose tokens /sales asks for, or null for an API that anybody may call."
  type        = object({ issuer = string, audience = list(string) })
  default     = null

  validation {
    condition     = var.jwt == null ? true : startswith(var.jwt.issuer, "https://") && length(var.jwt.audience) > 0
    error_message = "jwt.issuer must be an https:// address and jwt.audience must name at least one audience."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "deregistration_seconds" {
  description = "Time that a leaving task still gets to answer; below the stop timeout."
  type        = number
  default     = 20
}

variable "log_retention_days" {
  description = "Days that access logs are kept."
  type        = number
  default     = 30
}
