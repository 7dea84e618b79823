# A message must reach both queues, only from the two topics, and wait there long enough.

mock_provider "aws" {}

variables {
  account_id  = "111122223333"
  region      = "sa-east-1"
  peer_region = "us-east-1"
  topic       = "sales-processing"
  queue       = "sales-queue"
  dlq         = "sales-dlq"
}

run "queue_policy_names_exactly_the_two_topics" {
  command = plan
  module { source = "./modules/messaging" }

  assert {
    condition = jsondecode(aws_sqs_queue.sales.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "BothTopics"
          Effect    = "Allow"
          Principal = { Service = "sns.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = "arn:aws:sqs:sa-east-1:111122223333:sales-queue"
          Condition = {
            ArnEquals = { "aws:SourceArn" = [
              "arn:aws:sns:sa-east-1:111122223333:sales-processing",
              "arn:aws:sns:us-east-1:111122223333:sales-processing",
            ] }
            StringEqualsIfExists = { "aws:SourceAccount" = "111122223333" }
          }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = "arn:aws:sqs:sa-east-1:111122223333:sales-queue"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }
    error_message = "The queue's policy is not exactly: both topics of this account may send, and nobody without TLS."
  }
}

run "every_queue_and_the_topic_refuse_plain_http" {
  command = plan
  module { source = "./modules/messaging" }

  assert {
    condition = alltrue([
      for policy in concat(
        [aws_sns_topic_policy.sales.policy, aws_sqs_queue.sales.policy, aws_sqs_queue.dlq.policy],
        [for queue in aws_sqs_queue.leg_dlq : queue.policy],
      ) :
      anytrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      ])
    ])
    error_message = "Each policy must deny what does not come over TLS."
  }

  assert {
    condition     = aws_sqs_queue.sales.sqs_managed_sse_enabled && aws_sqs_queue.dlq.sqs_managed_sse_enabled && alltrue([for queue in aws_sqs_queue.leg_dlq : queue.sqs_managed_sse_enabled])
    error_message = "Each queue must be encrypted at rest."
  }

  assert {
    condition     = aws_sns_topic.sales.kms_master_key_id == "alias/aws/sns"
    error_message = "The topic must be encrypted at rest."
  }
}

run "dead_letters_outlive_the_queue" {
  command = plan
  module { source = "./modules/messaging" }

  assert {
    condition     = aws_sqs_queue.sales.message_retention_seconds == 864000 && aws_sqs_queue.dlq.message_retention_seconds == 1209600
    error_message = "The queue keeps a message for 10 days, the dead-letter queue for 14."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.leg_dlq : queue.message_retention_seconds > aws_sqs_queue.sales.message_retention_seconds])
    error_message = "A subscription's dead-letter queue must keep a message longer than the queue does."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.dlq.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:sa-east-1:111122223333:sales-queue"] }
    error_message = "Only this region's queue may move its messages to the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.sales.visibility_timeout_seconds == 90 && aws_sqs_queue.sales.visibility_timeout_seconds > var.processing_deadline_seconds
    error_message = "A message must stay unseen for longer than its processing takes."
  }

  assert {
    condition     = aws_sqs_queue.sales.max_message_size == 262144 && var.max_receive_count == 1000
    error_message = "Messages may have 256 KiB, and SQS moves one by itself after 1000 receives."
  }
}

run "both_legs_have_a_dead_letter_queue_of_their_own" {
  command = plan
  module { source = "./modules/messaging" }

  assert {
    condition     = keys(aws_sqs_queue.leg_dlq) == ["sa-east-1", "us-east-1"] && length(distinct([for queue in aws_sqs_queue.leg_dlq : queue.name])) == 2
    error_message = "The topic has two subscriptions, so there must be two dead-letter queues for them."
  }

  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.leg_dlq :
      jsondecode(queue.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:sns:sa-east-1:111122223333:sales-processing"
    ])
    error_message = "Only this region's topic may send to them."
  }

  assert {
    condition     = aws_sns_topic_subscription.own.raw_message_delivery
    error_message = "Delivery is raw: the body is the sale, not SNS's envelope."
  }
}

run "the_crossing_subscriptions_are_raw_and_both_ways" {
  command = plan
  module { source = "./modules/links" }

  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  variables {
    sites = {
      first = {
        region           = "sa-east-1"
        topic_arn        = "arn:aws:sns:sa-east-1:111122223333:sales-processing"
        queue_arn        = "arn:aws:sqs:sa-east-1:111122223333:sales-queue"
        peer_leg_dlq_arn = "arn:aws:sqs:sa-east-1:111122223333:sales-processing-to-us-east-1-dlq"
        bucket           = "sales-archive-111122223333-sa-east-1"
      }
      second = {
        region           = "us-east-1"
        topic_arn        = "arn:aws:sns:us-east-1:111122223333:sales-processing"
        queue_arn        = "arn:aws:sqs:us-east-1:111122223333:sales-queue"
        peer_leg_dlq_arn = "arn:aws:sqs:us-east-1:111122223333:sales-processing-to-sa-east-1-dlq"
        bucket           = "sales-archive-111122223333-us-east-1"
      }
    }
  }

  assert {
    condition = (
      aws_sns_topic_subscription.first_to_second.topic_arn == var.sites.first.topic_arn
      && aws_sns_topic_subscription.first_to_second.endpoint == var.sites.second.queue_arn
      && aws_sns_topic_subscription.second_to_first.topic_arn == var.sites.second.topic_arn
      && aws_sns_topic_subscription.second_to_first.endpoint == var.sites.first.queue_arn
    )
    error_message = "Each topic must deliver to the other region's queue."
  }

  assert {
    condition     = aws_sns_topic_subscription.first_to_second.raw_message_delivery && aws_sns_topic_subscription.second_to_first.raw_message_delivery
    error_message = "Delivery is raw: the body is the sale, not SNS's envelope."
  }

  assert {
    condition = (
      jsondecode(aws_sns_topic_subscription.first_to_second.redrive_policy).deadLetterTargetArn == var.sites.first.peer_leg_dlq_arn
      && jsondecode(aws_sns_topic_subscription.second_to_first.redrive_policy).deadLetterTargetArn == var.sites.second.peer_leg_dlq_arn
    )
    error_message = "A crossing subscription's dead-letter queue must be in its topic's region."
  }
}

mock_provider "aws" {
  alias = "first"

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
}

mock_provider "aws" {
  alias = "second"

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
}
