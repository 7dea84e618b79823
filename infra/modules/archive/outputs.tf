output "bucket" {
  description = "Name of the bucket, once it is versioned (which replication needs)."
  value       = aws_s3_bucket_versioning.archive.bucket
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.archive.arn
}
