output "name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "security_group_id" {
  description = "Security group of the tasks."
  value       = aws_security_group.this.id
}

output "task_role_arn" {
  description = "Role that the program calls AWS with."
  value       = aws_iam_role.task.arn
}

output "shape" {
  description = "What a task of this service is, without anything that AWS chose: for comparing the two regions."
  value = {
    container  = local.container
    size       = var.size
    scaling    = var.scaling
    statements = var.statements
  }
}
