output "api_url" {
  description = "Address that always means this site."
  value       = module.edge.api_url
}

output "drctl_site" {
  description = "This site, as `drctl --config` lists it."
  value = {
    region     = var.region
    api_url    = module.edge.api_url
    worker_url = null
    env        = module.data_plane.environment
  }
}

output "alarm_topic_arn" {
  description = "Topic that this region's alarms are sent to."
  value       = module.observability.alarm_topic_arn
}

output "shape" {
  description = "What this site is, without what AWS chose: equal in both regions when each region's name is put aside."
  value = {
    api    = module.api.shape
    worker = module.worker.shape
    names  = module.data_plane.names
    alarms = module.observability.alarms
    timing = var.timing
  }
}
