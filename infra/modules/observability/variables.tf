variable "region" {
  description = "The region of this site."
  type        = string
}

variable "peer_region" {
  description = "The region of the other site."
  type        = string
}

variable "names" {
  description = "What is watched."
  type = object({
    topic              = string
    queue              = string
    dead_letter_queues = list(string)
    bucket             = string
    peer_bucket        = string
    tables             = list(string)
    cluster            = string
    services           = map(string)
    api_id             = string
    load_balancer      = string
    target_group       = string
  })
}

variable "thresholds" {
  description = "When an alarm goes off. Seconds, but where the name says otherwise."
  type = object({
    oldest_message          = optional(number, 600)
    outbox_age              = optional(number, 300)
    state_age               = optional(number, 300)
    queue_poll_age          = optional(number, 120)
    table_replication_ms    = optional(number, 30000)
    bucket_replication      = optional(number, 900)
    api_p99_ms              = optional(number, 1000)
    api_5xx_percent         = optional(number, 1)
    takeovers_in_a_quarter  = optional(number, 1)
    throttles_in_5_minutes  = optional(number, 1)
    publish_failures_in_5_m = optional(number, 10)
  })
  default = {}
}

variable "email" {
  description = "Who is told, or null. More ways: subscribe to the topic."
  type        = string
  default     = null

  validation {
    condition     = var.email == null ? true : can(regex("^[^@ ]+@[^@ ]+$", var.email))
    error_message = "email must be an address, or null."
  }
}
