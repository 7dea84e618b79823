variable "account_id" {
  description = "The AWS account, twelve digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be twelve digits, such as 111122223333. `aws sts get-caller-identity` prints yours."
  }
}

variable "region" {
  description = "The region of the site that is named."
  type        = string

  validation {
    # SNS delivers from an opt-in region only as `sns.<region>.amazonaws.com`, which the queue policies here do not
    # name; China and GovCloud are other partitions. What is enabled in every account works.
    condition     = contains(local.regions_enabled_by_default, var.region)
    error_message = "region must be one that is enabled in every AWS account: ${join(", ", local.regions_enabled_by_default)}. Opt-in regions, China and GovCloud need another queue policy (the service principal of SNS differs there)."
  }
}

variable "peer_region" {
  description = "The region of the other site."
  type        = string

  validation {
    condition     = var.peer_region != var.region
    error_message = "peer_region must differ from region: two sites in one region do not survive its loss."
  }

  validation {
    condition     = contains(local.regions_enabled_by_default, var.peer_region)
    error_message = "peer_region must be one that is enabled in every AWS account: ${join(", ", local.regions_enabled_by_default)}."
  }
}

variable "table_consistency" {
  description = "Consistency of the global tables, told to the services: eventual (MREC) or strong (MRSC)."
  type        = string
  default     = "eventual"

  validation {
    condition     = contains(["eventual", "strong"], var.table_consistency)
    error_message = "table_consistency must be \"eventual\" or \"strong\"."
  }
}

variable "domain" {
  description = "The DNS zone that the public names are in, or null where there are none (an emulator)."
  type        = string
  default     = null
}

variable "endpoint_url" {
  description = "An emulator's endpoint, or null on AWS."
  type        = string
  default     = null
}
