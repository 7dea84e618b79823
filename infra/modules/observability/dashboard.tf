# One page for an operator in an incident: both regions side by side where that matters.

locals {
  regions = [var.region, var.peer_region]

  # Each panel: title, unit or text, and lines [namespace, metric, dimension, value, …].
  panels = [
    { title = "State by region (1 is ACTIVE)", stat = "Maximum", lines = [
      for region in local.regions : ["Sales", "StateActive", "Region", region, "Service", "worker", { region = region, label = region }]
    ] },
    { title = "Sales processed a minute", stat = "Sum", lines = [
      for region in local.regions : ["Sales", "Processed", "Region", region, "Service", "worker", { region = region, label = region }]
    ] },
    { title = "Sales accepted a minute", stat = "Sum", lines = [
      for region in local.regions : ["Sales", "Accepted", "Region", region, "Service", "api", { region = region, label = region }]
    ] },
    { title = "Waiting in the queues", stat = "Maximum", lines = [
      for region in local.regions : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.names.queue, { region = region, label = region }]
    ] },
    { title = "Oldest message, seconds", stat = "Maximum", lines = [
      for region in local.regions : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.names.queue, { region = region, label = region }]
    ] },
    { title = "Oldest sale in the outbox, seconds", stat = "Maximum", lines = [
      for region in local.regions : ["Sales", "OutboxOldestAgeSeconds", "Region", region, "Service", "worker", { region = region, label = region }]
    ] },
    { title = "Takeovers and parked sales", stat = "Sum", lines = flatten([
      for region in local.regions : [for metric in ["Takeovers", "Parked"] : jsonencode(
        ["Sales", metric, "Region", region, "Service", "worker", { region = region, label = "${metric} ${region}" }]
      )]
    ]) },
    { title = "Dead letters", stat = "Maximum", lines = [
      for queue in var.names.dead_letter_queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { region = var.region, label = queue }]
    ] },
    { title = "Table replication, ms", stat = "Average", lines = [
      for table in var.names.tables : ["AWS/DynamoDB", "ReplicationLatency", "TableName", table, "ReceivingRegion", var.peer_region, { region = var.region, label = table }]
    ] },
    { title = "Bucket replication, seconds", stat = "Maximum", lines = [
      ["AWS/S3", "ReplicationLatency", "SourceBucket", var.names.bucket, "DestinationBucket", var.names.peer_bucket, "RuleId", "everything", { region = var.region, label = "to ${var.peer_region}" }]
    ] },
    { title = "API latency, ms", stat = "p99", lines = [
      ["AWS/ApiGateway", "Latency", "ApiId", var.names.api_id, { region = var.region, label = "p99" }],
      ["AWS/ApiGateway", "Latency", "ApiId", var.names.api_id, { region = var.region, label = "p50", stat = "p50" }],
    ] },
    { title = "API requests and faults", stat = "Sum", lines = [
      for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", var.names.api_id, { region = var.region, label = metric }]
    ] },
    { title = "Tasks running", stat = "Average", lines = [
      for name, service in var.names.services : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.names.cluster, "ServiceName", service, { region = var.region, label = name }]
    ] },
    { title = "CPU, percent", stat = "Average", lines = [
      for name, service in var.names.services : ["AWS/ECS", "CPUUtilization", "ClusterName", var.names.cluster, "ServiceName", service, { region = var.region, label = name }]
    ] },
    { title = "Age of the state's reading, seconds", stat = "Maximum", lines = [
      for region in local.regions : ["Sales", "StateAgeSeconds", "Region", region, "Service", "worker", { region = region, label = region }]
    ] },
  ]

  # CloudWatch's grid is 24 wide: three panels a row.
  widgets = [
    for index, panel in local.panels : {
      type   = "metric"
      x      = 8 * (index % 3)
      y      = 6 * floor(index / 3)
      width  = 8
      height = 6
      properties = {
        title   = panel.title
        view    = "timeSeries"
        stat    = panel.stat
        period  = 60
        region  = var.region
        metrics = [for line in panel.lines : try(jsondecode(line), line)]
      }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "sales-${var.region}"
  dashboard_body = jsonencode({ widgets = local.widgets })
}
