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
  description = "State at creation: ACTIVE, PASSIVE or HOLD."
  type        = string
}

variable "table_consistency" {
  description = "Consistency of the global tables: eventual or strong."
  type        = string
  default     = "eventual"
}

variable "domain" {
  description = "The DNS zone of the public names, or null."
  type        = string
  default     = null
}

variable "endpoint_url" {
  description = "An emulator's endpoint, or null on AWS."
  type        = string
  default     = null
}

variable "visibility_seconds" {
  description = "Visibility timeout of the queue."
  type        = number
  default     = 90
}

variable "processing_deadline_seconds" {
  description = "Longest time that a worker takes over one message."
  type        = number
  default     = 20
}

variable "archive_expire_days" {
  description = "Days after which an archived sale is deleted, or null to keep it."
  type        = number
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying may take the archive's objects too."
  type        = bool
  default     = false
}
