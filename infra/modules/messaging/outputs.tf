output "topic_arn" {
  description = "ARN of the topic."
  value       = aws_sns_topic.sales.arn
}

output "queue_arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.sales.arn
}

output "queue_url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.sales.url
}

output "dlq_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dlq.url
}

output "peer_leg_dlq_arn" {
  description = "Where SNS puts what it could not deliver to the peer's queue."
  value       = aws_sqs_queue.leg_dlq[var.peer_region].arn
}

output "dead_letter_queues" {
  description = "Names of every dead-letter queue here, for the alarms."
  value       = concat([var.dlq], values(local.leg_dlqs))
}
