output "drctl" {
  description = "What `drctl --config` reads."
  value = {
    sites = [
      for site in [module.first, module.second] : {
        region     = site.region
        api_url    = null
        worker_url = null
        env        = site.environment
      }
    ]
  }

  # Whoever reads this may start at once: both replicas and every link are there.
  depends_on = [module.tables, module.links]
}
