variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "sites" {
  description = "The two sites, first and second as the providers are: what each end of a link needs."
  type = object({
    first = object({
      region = string, topic_arn = string, queue_arn = string, peer_leg_dlq_arn = string, bucket = string
    })
    second = object({
      region = string, topic_arn = string, queue_arn = string, peer_leg_dlq_arn = string, bucket = string
    })
  })

  validation {
    condition     = var.sites.first.region != var.sites.second.region
    error_message = "sites.first and sites.second must be in different regions."
  }
}

variable "replication_time_control" {
  description = "S3 Replication Time Control: 99.99 % of objects within 15 minutes, for a price by the gigabyte."
  type        = bool
  default     = false
}
