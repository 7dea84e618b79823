# Alarms of one region. What compares the two regions' states is in modules/traffic, next to the health checks.

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26: CloudWatch cannot publish to a topic under the AWS-managed key, and names of alarms are not worth a key of their own in each region
  name = "sales-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  count = var.email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.email
}

locals {
  of_service = { for name in ["api", "worker"] : name => { Region = var.region, Service = name } }

  # One entry an alarm. `above` goes off when the statistic is at or over the threshold for `periods` times `period`.
  queue_alarms = {
    oldest-message = {
      text      = "A sale waits in the queue for too long. ACTIVE: the worker is behind or stands still. PASSIVE: the other region does not finish, so no proof comes."
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = var.names.queue }
      statistic = "Maximum", period = 60, periods = 5, threshold = var.thresholds.oldest_message
    }
    failed-notifications = {
      text      = "SNS gave up on a delivery; the message is in the subscription's dead-letter queue. The reconciler processes the sale all the same."
      namespace = "AWS/SNS", metric = "NumberOfNotificationsFailed", dimensions = { TopicName = var.names.topic }
      statistic = "Sum", period = 300, periods = 1, threshold = 1
    }
  }

  dlq_alarms = {
    for queue in var.names.dead_letter_queues : "dead-letters-${queue}" => {
      text      = "There are messages in ${queue}. Parked sales carry their reason as an attribute: drctl redrive takes them up again."
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue }
      statistic = "Maximum", period = 60, periods = 1, threshold = 1
    }
  }

  table_alarms = merge(
    {
      for table in var.names.tables : "replication-${table}" => {
        text      = "Writes to ${table} take long to reach ${var.peer_region}. Until they do, losing this region loses them."
        namespace = "AWS/DynamoDB", metric = "ReplicationLatency", dimensions = { TableName = table, ReceivingRegion = var.peer_region }
        statistic = "Average", period = 60, periods = 5, threshold = var.thresholds.table_replication_ms
      }
    },
    merge([
      for table in var.names.tables : {
        for kind in ["Read", "Write"] : "throttled-${lower(kind)}-${table}" => {
          text      = "DynamoDB throttles ${lower(kind)}s of ${table}: a hot key, or the account's limit."
          namespace = "AWS/DynamoDB", metric = "${kind}ThrottleEvents", dimensions = { TableName = table }
          statistic = "Sum", period = 300, periods = 1, threshold = var.thresholds.throttles_in_5_minutes
        }
      }
    ]...),
  )

  bucket_dimensions = { SourceBucket = var.names.bucket, DestinationBucket = var.names.peer_bucket, RuleId = "everything" }
  bucket_alarms = {
    bucket-replication = {
      text      = "Archived sales take long to reach ${var.peer_region}. drctl verify can make them again from the table."
      namespace = "AWS/S3", metric = "ReplicationLatency", dimensions = local.bucket_dimensions
      statistic = "Maximum", period = 300, periods = 2, threshold = var.thresholds.bucket_replication
    }
    bucket-replication-failed = {
      text      = "S3 failed to replicate an object to ${var.peer_region}."
      namespace = "AWS/S3", metric = "OperationsFailedReplication", dimensions = local.bucket_dimensions
      statistic = "Sum", period = 300, periods = 1, threshold = 1
    }
  }

  edge_alarms = {
    unhealthy-hosts = {
      text       = "A task of the api is not ready."
      namespace  = "AWS/ApplicationELB", metric = "UnHealthyHostCount"
      dimensions = { LoadBalancer = var.names.load_balancer, TargetGroup = var.names.target_group }
      statistic  = "Maximum", period = 60, periods = 3, threshold = 1
    }
    api-p99 = {
      text      = "One request in a hundred is slow."
      namespace = "AWS/ApiGateway", metric = "Latency", dimensions = { ApiId = var.names.api_id }
      statistic = "p99", period = 60, periods = 5, threshold = var.thresholds.api_p99_ms
    }
  }

  # From the services themselves, in the embedded metric format.
  service_alarms = {
    takeovers = {
      text      = "Sales were claimed here because their authority could not be reached. Expected in a failover; otherwise the regions cannot reach each other."
      namespace = "Sales", metric = "Takeovers", dimensions = local.of_service.worker
      statistic = "Sum", period = 900, periods = 1, threshold = var.thresholds.takeovers_in_a_quarter
    }
    outbox-age = {
      text      = "A sale is accepted and not processed for too long, as the sales table itself says."
      namespace = "Sales", metric = "OutboxOldestAgeSeconds", dimensions = local.of_service.worker
      statistic = "Maximum", period = 60, periods = 3, threshold = var.thresholds.outbox_age
    }
    state-hold = {
      text      = "A worker holds: its region's parameter is HOLD, absent, misspelt, or could not be read for too long."
      namespace = "Sales", metric = "StateHold", dimensions = local.of_service.worker
      statistic = "Maximum", period = 60, periods = 3, threshold = 1
    }
    state-age = {
      text      = "A worker goes on with an old reading of its state: SSM does not answer. A flip does not reach it now."
      namespace = "Sales", metric = "StateAgeSeconds", dimensions = local.of_service.worker
      statistic = "Maximum", period = 60, periods = 3, threshold = var.thresholds.state_age
    }
    queue-poll-age = {
      text      = "A worker has not polled its queue with success for too long."
      namespace = "Sales", metric = "QueuePollAgeSeconds", dimensions = local.of_service.worker
      statistic = "Maximum", period = 60, periods = 3, threshold = var.thresholds.queue_poll_age
    }
    publish-failures = {
      text      = "The api cannot publish. Sales are safe in the outbox and later than they should be."
      namespace = "Sales", metric = "PublishFailures", dimensions = local.of_service.api
      statistic = "Sum", period = 300, periods = 1, threshold = var.thresholds.publish_failures_in_5_m
    }
  }

  alarms = merge(
    local.queue_alarms, local.dlq_alarms, local.table_alarms, local.bucket_alarms, local.edge_alarms, local.service_alarms,
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "sales-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# A worker that prints nothing is the one thing that the alarms above cannot see.
resource "aws_cloudwatch_metric_alarm" "silent_worker" {
  alarm_name          = "sales-silent-worker"
  alarm_description   = "No worker of this region reports its state: none runs, or none can."
  namespace           = "Sales"
  metric_name         = "StateActive"
  dimensions          = local.of_service.worker
  statistic           = "SampleCount"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "api_5xx" {
  alarm_name          = "sales-api-5xx"
  alarm_description   = "The API answers with faults of ours."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.thresholds.api_5xx_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "percent"
    label       = "Share of 5xx, percent"
    expression  = "100 * faults / requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { faults = "5xx", requests = "Count" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApiGateway"
        metric_name = metric_query.value
        dimensions  = { ApiId = var.names.api_id }
        stat        = "Sum"
        period      = 60
      }
    }
  }
}
