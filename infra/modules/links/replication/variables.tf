variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "source_region" {
  description = "Region of the source bucket."
  type        = string
}

variable "source_bucket" {
  description = "Bucket that is replicated, versioned already."
  type        = string
}

variable "destination_bucket" {
  description = "Bucket of the other region, versioned already."
  type        = string
}

variable "replication_time_control" {
  description = "Whether S3 promises a time."
  type        = bool
}
