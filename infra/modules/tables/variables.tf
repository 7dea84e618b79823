variable "sales_table" {
  description = "Name of the table of sales."
  type        = string
}

variable "idempotency_table" {
  description = "Name of the table of idempotency records."
  type        = string
}

variable "outbox_index" {
  description = "Name of the index that lists sales not yet processed."
  type        = string
}

variable "first_region" {
  description = "Region of provider aws.first, where the tables are made."
  type        = string
}

variable "second_region" {
  description = "Region of provider aws.second, where the replicas are."
  type        = string

  validation {
    condition     = var.second_region != var.first_region
    error_message = "second_region must differ from first_region."
  }
}

variable "consistency" {
  description = "eventual: MREC, in any pair of regions. strong: MRSC with a witness, in one of three region sets. It cannot be changed once the tables exist."
  type        = string
  default     = "eventual"

  validation {
    condition     = contains(["eventual", "strong"], var.consistency)
    error_message = "consistency must be \"eventual\" or \"strong\"."
  }

  validation {
    condition = var.consistency != "strong" || anytrue([
      for regions in values(local.strong_region_sets) : contains(regions, var.first_region) && contains(regions, var.second_region)
    ])
    error_message = "consistency = \"strong\" needs both regions in one of the sets where DynamoDB offers it (US: ${join(", ", local.strong_region_sets.us)}; EU: ${join(", ", local.strong_region_sets.eu)}; AP: ${join(", ", local.strong_region_sets.ap)}). sa-east-1, for one, is in none: choose another pair or \"eventual\"."
  }
}

variable "witness_region" {
  description = "Third region, which keeps the log of a strong table and serves nothing; null chooses one."
  type        = string
  default     = null

  validation {
    condition = var.witness_region == null ? true : anytrue([
      for regions in values(local.strong_region_sets) :
      contains(regions, var.witness_region) && contains(regions, var.first_region)
      && !contains([var.first_region, var.second_region], var.witness_region)
    ])
    error_message = "witness_region must be a third region of the same set as the two sites' (or null, to have one chosen)."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. Off for emulators and rehearsals only."
  type        = bool
  default     = true
}
