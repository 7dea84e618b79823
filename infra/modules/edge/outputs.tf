output "api_url" {
  description = "Address that always means this site."
  value       = "https://${var.hosts.regional}"
}

output "api_id" {
  description = "The HTTP API, for alarms."
  value       = aws_apigatewayv2_api.this.id
}

output "target_group_arn" {
  description = "Target group of the api's tasks, once a listener leads to it."
  value       = aws_lb_target_group.api.arn
  depends_on  = [aws_lb_listener.https]
}

output "load_balancer" {
  description = "What alarms and scaling know the load balancer by."
  value = {
    security_group_id   = aws_security_group.load_balancer.id
    arn_suffix          = aws_lb.api.arn_suffix
    target_group_suffix = aws_lb_target_group.api.arn_suffix
  }
}
