# What ties the two regions together: each topic to the other region's queue, each bucket to the other's.

resource "aws_sns_topic_subscription" "first_to_second" {
  provider = aws.first

  topic_arn            = var.sites.first.topic_arn
  protocol             = "sqs"
  endpoint             = var.sites.second.queue_arn
  raw_message_delivery = true
  redrive_policy       = jsonencode({ deadLetterTargetArn = var.sites.first.peer_leg_dlq_arn })
}

resource "aws_sns_topic_subscription" "second_to_first" {
  provider = aws.second

  topic_arn            = var.sites.second.topic_arn
  protocol             = "sqs"
  endpoint             = var.sites.first.queue_arn
  raw_message_delivery = true
  redrive_policy       = jsonencode({ deadLetterTargetArn = var.sites.second.peer_leg_dlq_arn })
}

module "first_to_second" {
  source    = "./replication"
  providers = { aws = aws.first }

  account_id               = var.account_id
  source_region            = var.sites.first.region
  source_bucket            = var.sites.first.bucket
  destination_bucket       = var.sites.second.bucket
  replication_time_control = var.replication_time_control
}

module "second_to_first" {
  source    = "./replication"
  providers = { aws = aws.second }

  account_id               = var.account_id
  source_region            = var.sites.second.region
  source_bucket            = var.sites.second.bucket
  destination_bucket       = var.sites.first.bucket
  replication_time_control = var.replication_time_control
}
