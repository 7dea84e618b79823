# The data plane of both regions on an emulator, from the same modules as production. No network, no containers: the
# services run as processes beside it.

provider "aws" {
  alias                       = "first"
  region                      = var.regions.first
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  endpoints {
    dynamodb = var.endpoint_url
    iam      = var.endpoint_url
    kms      = var.endpoint_url
    s3       = var.endpoint_url
    sns      = var.endpoint_url
    sqs      = var.endpoint_url
    ssm      = var.endpoint_url
    sts      = var.endpoint_url
  }
}

provider "aws" {
  alias                       = "second"
  region                      = var.regions.second
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  endpoints {
    dynamodb = var.endpoint_url
    iam      = var.endpoint_url
    kms      = var.endpoint_url
    s3       = var.endpoint_url
    sns      = var.endpoint_url
    sqs      = var.endpoint_url
    ssm      = var.endpoint_url
    sts      = var.endpoint_url
  }
}

module "first" {
  source    = "../../modules/data-plane"
  providers = { aws = aws.first }

  account_id    = var.account_id
  region        = var.regions.first
  peer_region   = var.regions.second
  endpoint_url  = var.endpoint_url
  initial_state = contains(var.active_regions, var.regions.first) ? "ACTIVE" : "PASSIVE"
  force_destroy = true
}

module "second" {
  source    = "../../modules/data-plane"
  providers = { aws = aws.second }

  account_id    = var.account_id
  region        = var.regions.second
  peer_region   = var.regions.first
  endpoint_url  = var.endpoint_url
  initial_state = contains(var.active_regions, var.regions.second) ? "ACTIVE" : "PASSIVE"
  force_destroy = true
}

module "tables" {
  source    = "../../modules/tables"
  providers = { aws.first = aws.first, aws.second = aws.second }

  first_region        = var.regions.first
  second_region       = var.regions.second
  sales_table         = module.first.tables.sales
  idempotency_table   = module.first.tables.idempotency
  outbox_index        = module.first.tables.outbox_index
  deletion_protection = false
}

module "links" {
  source    = "../../modules/links"
  providers = { aws.first = aws.first, aws.second = aws.second }

  account_id = var.account_id
  sites      = { first = module.first.link, second = module.second.link }
}
