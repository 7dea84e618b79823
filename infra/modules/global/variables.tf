variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "regions" {
  description = "The two sites, as the providers aws.first and aws.second are."
  type        = object({ first = string, second = string })

  validation {
    condition     = var.regions.first != var.regions.second
    error_message = "regions.first and regions.second must differ: two sites in one region do not survive its loss."
  }
}

variable "domain" {
  description = "Name of the hosted zone that the public names are in."
  type        = string
}

variable "zone_id" {
  description = "Id of that hosted zone."
  type        = string
}

variable "link_regions" {
  description = "Whether both sites are there to be tied together. false for the very first apply, true ever after."
  type        = bool
}

variable "table_consistency" {
  description = "eventual (MREC, any two regions) or strong (MRSC, three region sets). It cannot be changed later."
  type        = string
  default     = "eventual"
}

variable "witness_region" {
  description = "Third region of strong tables; null chooses one."
  type        = string
  default     = null
}

variable "replication_time_control" {
  description = "S3 Replication Time Control for the archive."
  type        = bool
  default     = false
}

variable "network" {
  description = "Address ranges of the sites' VPCs, and their way out: with \"endpoints\" the VPCs are peered."
  type        = object({ cidrs = object({ first = string, second = string }), egress = string })
}

variable "failover_mode" {
  description = "What moves the traffic: follow-state, standby-takes-over or arc."
  type        = string
  default     = "follow-state"
}

variable "primary_region" {
  description = "In mode standby-takes-over: the region that has the traffic while the other is not ACTIVE."
  type        = string
  default     = null
}

variable "operator_principals" {
  description = "ARNs of who may take the operator's role, which may write the two parameters and no more."
  type        = list(string)

  validation {
    condition     = length(var.operator_principals) > 0 && alltrue([for arn in var.operator_principals : can(regex("^arn:aws:iam::[0-9]{12}:(root|role/.+|user/.+)$", arn))])
    error_message = "operator_principals must name at least one role, user or account by ARN, such as arn:aws:iam::111122223333:role/on-call: somebody must be able to flip."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms, or null."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables."
  type        = bool
  default     = true
}
