# The two alarms that see both regions at once. Route 53 reports its health checks in us-east-1, whose provider this
# module is given; no other service can compare the two regions without one of them.

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26: CloudWatch cannot publish to a topic under the AWS-managed key, and names of alarms are not worth a key of their own
  name = "sales-global-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  # Regions that say ACTIVE, 0 to 2.
  alarms = {
    both-active = {
      text       = "Both regions are ACTIVE. Each sale is still processed once, by its owner; end it when the switchover is done."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 2, periods = 15
    }
    none-active = {
      text       = "No region is ACTIVE, or none can be asked. Sales are accepted and wait."
      comparison = "LessThanThreshold", threshold = 1, periods = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "active_regions" {
  for_each = local.alarms

  alarm_name          = "sales-${each.key}"
  alarm_description   = each.value.text
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "active"
    label       = "Regions that say ACTIVE"
    expression  = "SUM(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = aws_route53_health_check.state

    content {
      id = "region_${replace(metric_query.key, "-", "_")}"

      metric {
        namespace   = "AWS/Route53"
        metric_name = "HealthCheckStatus"
        dimensions  = { HealthCheckId = metric_query.value.id }
        stat        = "Minimum"
        period      = 60
      }
    }
  }
}
