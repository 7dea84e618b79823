# One direction of the two-way replication between the archives.

locals {
  source_arn      = "arn:aws:s3:::${var.source_bucket}"
  destination_arn = "arn:aws:s3:::${var.destination_bucket}"
  # The only time that S3 takes for a promise and for its alarm, in minutes.
  promised_minutes = 15
}

resource "aws_iam_role" "replication" {
  name = "sales-replication-from-${var.source_region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.source_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "replication" {
  name = "replicate"
  role = aws_iam_role.replication.id

  # Object keys cannot be listed in advance, so `/*` after a bucket's name is the finest there is.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadRules"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = local.source_arn
      },
      {
        Sid      = "ReadVersions"
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = "${local.source_arn}/*"
      },
      {
        Sid      = "WriteReplicas"
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
        Resource = "${local.destination_arn}/*"
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "replication" {
  bucket = var.source_bucket
  role   = aws_iam_role.replication.arn

  rule {
    id       = "everything"
    status   = "Enabled"
    priority = 0

    filter {
      prefix = ""
    }

    delete_marker_replication {
      status = "Enabled"
    }

    # Changes made to a replica's metadata travel back; the object itself does not travel twice.
    source_selection_criteria {
      replica_modifications {
        status = "Enabled"
      }
    }

    destination {
      bucket = local.destination_arn

      # Metrics are what the alarms on replication read; S3 ties the threshold to time control.
      metrics {
        status = "Enabled"

        dynamic "event_threshold" {
          for_each = var.replication_time_control ? [local.promised_minutes] : []

          content {
            minutes = event_threshold.value
          }
        }
      }

      dynamic "replication_time" {
        for_each = var.replication_time_control ? [local.promised_minutes] : []

        content {
          status = "Enabled"

          time {
            minutes = replication_time.value
          }
        }
      }
    }
  }

  depends_on = [aws_iam_role_policy.replication]
}
