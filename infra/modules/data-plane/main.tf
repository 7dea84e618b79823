# What one region's services read and write: messaging, archive and state. The tables are global and elsewhere.

module "names" {
  source = "../names"

  account_id        = var.account_id
  region            = var.region
  peer_region       = var.peer_region
  table_consistency = var.table_consistency
  domain            = var.domain
  endpoint_url      = var.endpoint_url
}

module "messaging" {
  source = "../messaging"

  account_id                  = var.account_id
  region                      = var.region
  peer_region                 = var.peer_region
  topic                       = module.names.topic
  queue                       = module.names.queue
  dlq                         = module.names.dlq
  visibility_seconds          = var.visibility_seconds
  processing_deadline_seconds = var.processing_deadline_seconds
}

module "archive" {
  source = "../archive"

  bucket        = module.names.bucket
  expire_days   = var.archive_expire_days
  force_destroy = var.force_destroy
}

module "state" {
  source = "../region-state"

  name          = module.names.state_parameter
  initial_state = var.initial_state
}
