output "alarm_topic_arn" {
  description = "Topic of the alarms that see both regions, in us-east-1."
  value       = aws_sns_topic.alarms.arn
}

output "routing_controls" {
  description = "In mode arc: the routing control of each region, else empty."
  value       = { for region, control in aws_route53recoverycontrolconfig_routing_control.this : region => control.arn }
}

output "arc_endpoints" {
  description = "In mode arc: the cluster's endpoints, which turn a routing control when a region is lost, else empty."
  value       = local.arc ? aws_route53recoverycontrolconfig_cluster.this[0].cluster_endpoints : []
}
