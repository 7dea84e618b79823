output "alarm_topic_arn" {
  description = "Topic that alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}

output "alarms" {
  description = "Names of every alarm."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.silent_worker.alarm_name, aws_cloudwatch_metric_alarm.api_5xx.alarm_name],
  ))
}
