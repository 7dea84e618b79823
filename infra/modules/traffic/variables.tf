variable "zone_id" {
  description = "The hosted zone of the names."
  type        = string
}

variable "shared_host" {
  description = "The name that clients use."
  type        = string
}

variable "sites" {
  description = "By region: the name that always means the site (which health checks ask), and the one that the shared name answers with."
  type        = map(object({ regional_host = string, origin_host = string }))

  validation {
    condition     = length(var.sites) == 2
    error_message = "sites must be exactly two regions."
  }
}

variable "mode" {
  description = "What moves the traffic: \"follow-state\", \"standby-takes-over\" or \"arc\"."
  type        = string
  default     = "follow-state"

  validation {
    condition     = contains(["follow-state", "standby-takes-over", "arc"], var.mode)
    error_message = "mode must be \"follow-state\" (traffic goes to whoever says ACTIVE), \"standby-takes-over\" (to the standby when it says ACTIVE, else to the primary) or \"arc\" (to whichever routing control is on)."
  }
}

variable "primary_region" {
  description = "In mode standby-takes-over: the region that has the traffic while the other is not ACTIVE. Else unused."
  type        = string
  default     = null

  validation {
    condition     = var.mode != "standby-takes-over" ? true : var.primary_region == null ? false : contains(keys(var.sites), var.primary_region)
    error_message = "primary_region must be one of the two sites' regions when mode is \"standby-takes-over\"."
  }
}

variable "record_ttl_seconds" {
  description = "How long resolvers keep an answer, and so how long clients go on to the old region."
  type        = number
  default     = 15

  validation {
    condition     = var.record_ttl_seconds >= 5 && var.record_ttl_seconds <= 60
    error_message = "record_ttl_seconds must be between 5 and 60: longer would outlast the failover itself."
  }
}

variable "check_interval_seconds" {
  description = "Time between two checks of one checker: 10 (costs more) or 30."
  type        = number
  default     = 10

  validation {
    condition     = contains([10, 30], var.check_interval_seconds)
    error_message = "check_interval_seconds must be 10 or 30, what Route 53 offers."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms, or null."
  type        = string
  default     = null
}
