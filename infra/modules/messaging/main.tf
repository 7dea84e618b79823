# One region's half of the messaging: a topic, its queue and dead-letter queue, and the subscription between them. The
# other half, this topic to the peer's queue, needs both regions and is in modules/links; its dead-letter queue is here,
# because SNS wants it in the topic's region. Policies are written inside the queues, so that no queue is ever without one.

locals {
  seconds_per_day = 86400
  # The largest body of a message here, in bytes: 256 KiB. A sale is below 17 KiB.
  max_message_bytes = 262144

  topic_arn      = "arn:aws:sns:${var.region}:${var.account_id}:${var.topic}"
  peer_topic_arn = "arn:aws:sns:${var.peer_region}:${var.account_id}:${var.topic}"
  queue_arn      = "arn:aws:sqs:${var.region}:${var.account_id}:${var.queue}"
  dlq_arn        = "arn:aws:sqs:${var.region}:${var.account_id}:${var.dlq}"

  # Where SNS puts what it could not deliver, one queue for each of the topic's two subscriptions.
  leg_dlqs = { for region in [var.region, var.peer_region] : region => "${var.topic}-to-${region}-dlq" }
}

resource "aws_sns_topic" "sales" {
  name = var.topic
  # The AWS-managed key: every principal of the account that may use SNS may use it, so publishing needs no KMS grant.
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_policy" "sales" {
  arn = aws_sns_topic.sales.arn

  # Nobody is let in here: who of this account may publish is said by its roles, and no other account may.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sns:Publish"
      Resource  = local.topic_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sqs_queue" "sales" {
  name                       = var.queue
  visibility_timeout_seconds = var.visibility_seconds
  message_retention_seconds  = var.queue_retention_days * local.seconds_per_day
  max_message_size           = local.max_message_bytes
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq.arn
    maxReceiveCount     = var.max_receive_count
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "BothTopics"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = {
          ArnEquals = { "aws:SourceArn" = [local.topic_arn, local.peer_topic_arn] }
          # IfExists: the topic ARNs carry the account already, and a delivery that left this key out must not be lost.
          StringEqualsIfExists = { "aws:SourceAccount" = var.account_id }
        }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sqs_queue" "dlq" {
  name                      = var.dlq
  message_retention_seconds = var.dlq_retention_days * local.seconds_per_day
  max_message_size          = local.max_message_bytes
  sqs_managed_sse_enabled   = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.dlq_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

resource "aws_sqs_queue" "leg_dlq" {
  for_each = local.leg_dlqs

  name                      = each.value
  message_retention_seconds = var.dlq_retention_days * local.seconds_per_day
  max_message_size          = local.max_message_bytes
  sqs_managed_sse_enabled   = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnTopic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:${var.region}:${var.account_id}:${each.value}"
        Condition = {
          ArnEquals            = { "aws:SourceArn" = local.topic_arn }
          StringEqualsIfExists = { "aws:SourceAccount" = var.account_id }
        }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:${var.region}:${var.account_id}:${each.value}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  # Only a topic's subscription may name these; no queue may move its messages here.
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

resource "aws_sns_topic_subscription" "own" {
  topic_arn            = aws_sns_topic.sales.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.sales.arn
  raw_message_delivery = true

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.leg_dlq[var.region].arn })
}
