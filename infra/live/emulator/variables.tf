variable "endpoint_url" {
  description = "The emulator: ministack, LocalStack or drctl's own."
  type        = string
  default     = "http://127.0.0.1:4566"

  validation {
    condition     = can(regex("^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?$", var.endpoint_url))
    error_message = "endpoint_url must be http:// on this machine, with no path and no slash at its end: this root must never reach a real account."
  }
}

variable "account_id" {
  description = "The account that the emulator plays."
  type        = string
  default     = "000000000000"
}

variable "regions" {
  description = "The two sites."
  type        = object({ first = string, second = string })
  default     = { first = "sa-east-1", second = "us-east-1" }
}

variable "active_regions" {
  description = "The sites that start ACTIVE: one, both or none."
  type        = set(string)
  default     = ["sa-east-1"]

  validation {
    condition     = alltrue([for region in var.active_regions : contains(values(var.regions), region)])
    error_message = "active_regions may only name the two regions of the sites: ${join(", ", values(var.regions))}."
  }
}
