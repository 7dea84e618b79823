output "drctl" {
  description = "What `drctl --config` reads: terraform output -json drctl > sales.json"
  value       = module.global.drctl
}

output "shared_url" {
  description = "Address that clients use."
  value       = module.global.shared_url
}

output "operator_role_arn" {
  description = "Role of whoever flips."
  value       = module.global.operator_role_arn
}

output "repositories" {
  description = "Where images are pushed to."
  value       = module.global.repositories
}

output "arc" {
  description = "In mode arc: routing controls by region, and the endpoints that turn them."
  value       = module.global.arc
}
