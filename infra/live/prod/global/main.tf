# What belongs to both regions. This state needs both to answer; the regions' own states do not need this one.

locals {
  settings = yamldecode(file("${path.module}/../settings.yaml"))
  regions  = local.settings.regions
  tags     = { Project = "sales", Part = "global", ManagedBy = "terraform" }
}

provider "aws" {
  alias  = "first"
  region = local.regions.first

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "second"
  region = local.regions.second

  default_tags {
    tags = local.tags
  }
}

# Where Route 53 reports its health checks, whatever the two regions are.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "this" {
  provider = aws.first
}

data "aws_route53_zone" "this" {
  provider = aws.us_east_1
  name     = local.settings.domain
}

module "global" {
  source = "../../../modules/global"

  providers = {
    aws.first     = aws.first
    aws.second    = aws.second
    aws.us_east_1 = aws.us_east_1
  }

  account_id               = data.aws_caller_identity.this.account_id
  regions                  = local.regions
  domain                   = local.settings.domain
  zone_id                  = data.aws_route53_zone.this.zone_id
  link_regions             = var.link_regions
  table_consistency        = local.settings.table_consistency
  witness_region           = local.settings.witness_region
  replication_time_control = local.settings.replication_time_control
  failover_mode            = local.settings.failover_mode
  primary_region           = local.settings.primary_region
  operator_principals      = local.settings.operator_principals
  alarm_email              = local.settings.alarm_email
  deletion_protection      = local.settings.deletion_protection

  network = {
    egress = local.settings.network.egress
    cidrs = {
      first  = local.settings.network.cidrs[local.regions.first]
      second = local.settings.network.cidrs[local.regions.second]
    }
  }
}
