variable "account_id" {
  description = "The AWS account that owns both topics."
  type        = string
}

variable "region" {
  description = "The region of this site."
  type        = string
}

variable "peer_region" {
  description = "The region of the other site, whose topic delivers here too."
  type        = string
}

variable "topic" {
  description = "Name of the topic of sale events."
  type        = string
}

variable "queue" {
  description = "Name of the queue of sale events."
  type        = string
}

variable "dlq" {
  description = "Name of the queue of parked sales."
  type        = string
}

variable "visibility_seconds" {
  description = "Visibility timeout of the queue."
  type        = number
  default     = 90

  validation {
    condition     = var.visibility_seconds >= 1 && var.visibility_seconds <= 43200
    error_message = "visibility_seconds must be between 1 and 43200 (12 hours), what SQS takes."
  }
}

variable "processing_deadline_seconds" {
  description = "Longest time that a worker takes over one message."
  type        = number
  default     = 20

  validation {
    condition     = var.processing_deadline_seconds < var.visibility_seconds
    error_message = "processing_deadline_seconds must be below visibility_seconds: else a message comes back while it is still worked on."
  }
}

variable "queue_retention_days" {
  description = "Days that a message waits in the queue. A PASSIVE region's copies wait here for their proof."
  type        = number
  default     = 10

  validation {
    condition     = var.queue_retention_days >= 1 && var.queue_retention_days <= 14
    error_message = "queue_retention_days must be between 1 and 14, what SQS takes."
  }
}

variable "dlq_retention_days" {
  description = "Days that a message waits in the dead-letter queue, counted from when it was first sent."
  type        = number
  default     = 14

  validation {
    condition     = var.dlq_retention_days > var.queue_retention_days && var.dlq_retention_days <= 14
    error_message = "dlq_retention_days must be above queue_retention_days and at most 14: SQS counts it from the first send, so an equal one loses a message on the day it is moved."
  }
}

variable "max_receive_count" {
  description = "Receives before SQS itself moves a message. A backstop only: workers count attempts, and waiting is no attempt."
  type        = number
  default     = 1000

  validation {
    condition     = var.max_receive_count >= 100 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be between 100 and 1000: a PASSIVE region receives a message many times while it waits for proof, and must not push it into the dead-letter queue by that."
  }
}
