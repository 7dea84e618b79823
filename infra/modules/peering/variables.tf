variable "sites" {
  description = "The two sites, first and second as the providers are."
  type = object({
    first  = object({ region = string, cidr = string })
    second = object({ region = string, cidr = string })
  })

  validation {
    condition     = var.sites.first.cidr != var.sites.second.cidr
    error_message = "The sites' address ranges must differ: networks that overlap cannot be peered."
  }
}

variable "vpc_name" {
  description = "Name tag of the VPC, the same in both regions."
  type        = string
  default     = "sales"
}
