variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "region" {
  description = "The region of this site, and of the provider."
  type        = string
}

variable "peer_region" {
  description = "The region of the other site."
  type        = string
}

variable "initial_state" {
  description = "State at creation: ACTIVE, PASSIVE or HOLD. Later the parameter is the operator's."
  type        = string
}

variable "image_tag" {
  description = "Version of both images, the same in both regions."
  type        = string
}

variable "domain" {
  description = "Name of the hosted zone that the public names are in, such as sales.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a DNS name in small letters without a dot at its end, such as sales.example.com."
  }
}

variable "zone_id" {
  description = "Id of that hosted zone."
  type        = string
}

variable "table_consistency" {
  description = "Consistency of the global tables: eventual or strong."
  type        = string
  default     = "eventual"
}

variable "network" {
  description = "Address ranges of both sites' VPCs, number of zones, and the way out."
  type = object({
    cidr       = string
    peer_cidr  = string
    zone_count = optional(number, 3)
    egress     = optional(string, "nat")
  })
}

variable "api" {
  description = "Size and number of the api's tasks, and requests a minute that one should get."
  type = object({
    cpu               = optional(number, 256)
    memory            = optional(number, 512)
    min               = optional(number, 2)
    max               = optional(number, 20)
    requests_per_task = optional(number, 12000)
    rate              = optional(number, 2000)
    burst             = optional(number, 1000)
    jwt               = optional(object({ issuer = string, audience = list(string) }))
  })
  default = {}
}

variable "worker" {
  description = "Size and number of the worker's tasks, sales in flight in one, and messages that may wait for each."
  type = object({
    cpu              = optional(number, 256)
    memory           = optional(number, 512)
    min              = optional(number, 2)
    max              = optional(number, 20)
    concurrency      = optional(number, 64)
    backlog_per_task = optional(number, 2000)
  })
  default = {}
}

variable "timing" {
  description = "The times that the services and the infrastructure must agree on, in seconds."
  type = object({
    processing_deadline = optional(number, 20)
    claim_lease         = optional(number, 60)
    queue_visibility    = optional(number, 90)
    drain               = optional(number, 25)
    stop_timeout        = optional(number, 60)
  })
  default = {}

  validation {
    condition     = var.timing.processing_deadline < var.timing.claim_lease && var.timing.claim_lease <= var.timing.queue_visibility
    error_message = "timing must keep processing_deadline < claim_lease <= queue_visibility: work ends before its claim does, and a message is not seen again while its claim is held."
  }

  validation {
    # LONG_POLL of the services, 20 s: a stop waits for the receive under way.
    condition     = var.timing.drain > 20
    error_message = "timing.drain must be above 20: a worker that stops waits for its long poll, and refuses a shorter drain at its start."
  }

  validation {
    condition     = var.timing.processing_deadline < var.timing.drain && var.timing.drain < var.timing.stop_timeout && var.timing.stop_timeout <= 120
    error_message = "timing must keep processing_deadline < drain < stop_timeout <= 120: a drain outlasts the work in hand, SIGKILL comes after the drain, and Fargate waits 120 s at most."
  }
}

variable "archive_expire_days" {
  description = "Days after which an archived sale is deleted, or null to keep it."
  type        = number
  default     = null
}

variable "alarm_email" {
  description = "Who is told of alarms, or null."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "deletion_protection" {
  description = "Whether what holds state or traffic refuses to be deleted."
  type        = bool
  default     = true
}
