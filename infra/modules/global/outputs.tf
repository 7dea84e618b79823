output "drctl" {
  description = "What `drctl --config` reads."
  value = {
    sites = [
      for end, site in { first = module.first, second = module.second } : {
        region                 = var.regions[end]
        api_url                = "https://${site.hosts.regional}"
        worker_url             = null
        env                    = site.environment
      }
    ]
  }
}

output "shared_url" {
  description = "Address that clients use."
  value       = "https://${module.first.hosts.shared}"
}

output "operator_role_arn" {
  description = "Role of whoever flips."
  value       = aws_iam_role.operator.arn
}

output "repositories" {
  description = "Where images are pushed to."
  value       = { for name, repository in aws_ecr_repository.first : name => repository.repository_url }
}

output "arc" {
  description = "In mode arc: routing controls by region, and the endpoints that turn them."
  value = {
    routing_controls = try(module.traffic[0].routing_controls, {})
    endpoints        = try(module.traffic[0].arc_endpoints, [])
  }
}
