variable "name" {
  description = "Name of the VPC, and prefix of what is in it."
  type        = string
}

variable "region" {
  description = "The region of the VPC."
  type        = string
}

variable "cidr" {
  description = "Private address range (RFC 1918) of the VPC, /16 to /22. The two sites' must not overlap: they are peered where egress is \"endpoints\"."
  type        = string

  validation {
    condition = (
      can(cidrnetmask(var.cidr))
      && can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", var.cidr))
      && can(regex("/(1[6-9]|2[0-2])$", var.cidr))
    )
    error_message = "cidr must be a private range (10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, RFC 1918) of size /16 to /22, such as 10.20.0.0/16."
  }
}

variable "peer_cidr" {
  description = "Address range of the other site's VPC, which may reach the DynamoDB endpoint here where egress is \"endpoints\"."
  type        = string

  validation {
    condition     = var.peer_cidr != var.cidr
    error_message = "peer_cidr must differ from cidr: the two VPCs are peered."
  }
}

variable "zone_count" {
  description = "Availability zones in use: 2 or 3."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count must be 2 or 3: one zone does not survive its loss, and more than three only cost."
  }
}

variable "excluded_zone_ids" {
  description = "Zone ids that are never used. API Gateway has no VPC link in use1-az3."
  type        = list(string)
  default     = ["use1-az3"]
}

variable "egress" {
  description = "How tasks reach AWS: \"endpoints\" (interface endpoints, no way to the internet) or \"nat\" (a NAT gateway a zone)."
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["endpoints", "nat"], var.egress)
    error_message = "egress must be \"endpoints\" (interface endpoints, no internet) or \"nat\" (a NAT gateway a zone)."
  }
}

variable "log_retention_days" {
  description = "Days that the log of refused traffic is kept."
  type        = number
  default     = 30
}
