output "region" {
  description = "The region of this site."
  value       = var.region
}

output "tables" {
  description = "Names of the tables and of the outbox index."
  value       = module.names.tables
}

output "arns" {
  description = "ARNs of what the site's services touch."
  value       = module.names.arns
}

output "names" {
  description = "Names that alarms and dashboards go by."
  value = {
    topic              = module.names.topic
    queue              = module.names.queue
    dead_letter_queues = module.messaging.dead_letter_queues
    bucket             = module.names.bucket
    peer_bucket        = module.names.peer_bucket
  }
}

output "hosts" {
  description = "Public names of the site, or null."
  value       = module.names.hosts
}

output "environment" {
  description = "The resource variables of the services' environment."
  value       = module.names.environment
  depends_on  = [module.messaging, module.archive, module.state]
}

output "link" {
  description = "What modules/links needs of this site, once it exists."
  value = {
    region           = var.region
    topic_arn        = module.messaging.topic_arn
    queue_arn        = module.messaging.queue_arn
    peer_leg_dlq_arn = module.messaging.peer_leg_dlq_arn
    bucket           = module.archive.bucket
  }
}
