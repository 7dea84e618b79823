output "api_url" {
  description = "Address that always means this site."
  value       = module.region.api_url
}

output "drctl_site" {
  description = "This site, as `drctl --config` lists it; the whole list is an output of ../global."
  value       = module.region.drctl_site
}

output "alarm_topic_arn" {
  description = "Topic that this region's alarms are sent to."
  value       = module.region.alarm_topic_arn
}
