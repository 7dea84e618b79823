variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "noncurrent_days" {
  description = "Days that an overwritten or deleted version is kept."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 3650
    error_message = "noncurrent_days must be between 1 and 3650."
  }
}

variable "expire_days" {
  description = "Days after which an archived sale is deleted, or null to keep it for ever."
  type        = number
  default     = null

  validation {
    # Fourteen days is how long a sale can wait in the dead-letter queue and still come back.
    condition     = var.expire_days == null ? true : var.expire_days > 14
    error_message = "expire_days must be above 14, the retention of the dead-letter queue, or null: an archive shorter than that forgets a sale before it is settled."
  }
}

variable "force_destroy" {
  description = "Whether destroying may take the objects too. For emulators and rehearsals."
  type        = bool
  default     = false
}
