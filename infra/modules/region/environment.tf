# What each service is told. Names are those of the program's own configuration: infra/environment.json lists them, and
# tests hold this file against that list. Whatever is not here keeps the program's default.

locals {
  ports = { api = 8080, worker = 8090 }

  task_network = {
    vpc_id     = module.network.vpc_id
    subnet_ids = module.network.private_subnet_ids
    egress     = module.network.task_egress
  }

  # Read by one service only.
  api_only    = ["SNS_SALES_PROCESSING_TOPIC"]
  worker_only = ["SQS_SALES_QUEUE", "SQS_SALES_DLQ", "S3_SALES_BUCKET"]

  common_environment = {
    DRAIN_TIMEOUT = "${var.timing.drain}s"
    LOG_FORMAT    = "json"
    METRICS_EMF   = "on"
  }

  # A variable of the SDK: with credentials that carry an account it would call <account>.ddb.<region>.amazonaws.com,
  # which the private names of modules/peering do not cover.
  sdk_environment = var.network.egress == "endpoints" ? { AWS_ACCOUNT_ID_ENDPOINT_MODE = "disabled" } : {}

  environment = {
    api = merge(
      { for name, value in module.data_plane.environment : name => value if !contains(local.worker_only, name) },
      local.common_environment,
      local.sdk_environment,
      { PORT = tostring(local.ports.api) },
    )
    worker = merge(
      { for name, value in module.data_plane.environment : name => value if !contains(local.api_only, name) },
      local.common_environment,
      local.sdk_environment,
      {
        PORT                = tostring(local.ports.worker)
        WORKER_CONCURRENCY  = tostring(var.worker.concurrency)
        PROCESSING_DEADLINE = "${var.timing.processing_deadline}s"
        CLAIM_LEASE         = "${var.timing.claim_lease}s"
        QUEUE_VISIBILITY    = "${var.timing.queue_visibility}s"
      },
    )
  }
}
