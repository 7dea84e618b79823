# Both tables, each in both regions. `eventual` is written with the provider's own resources; `strong` goes through the
# Cloud Control API, because a witness came into the provider only in the course of 6.x and this has to plan on 5.100 too.

locals {
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
  strong_region_sets = {
    us = ["us-east-1", "us-east-2", "us-west-2"]
    eu = ["eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3"]
    ap = ["ap-northeast-1", "ap-northeast-2", "ap-northeast-3"]
  }

  eventual = var.consistency == "eventual"

  # The services' own names, and the one place where this side says them; CI holds them against the Rust source.
  ttl_attribute = "expires_at"
  key           = "id"
  outbox_key    = "outbox"
  outbox_sort   = "created_at"
}

resource "aws_dynamodb_table" "sales" {
  count    = local.eventual ? 1 : 0
  provider = aws.first

  name                        = var.sales_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = local.key
  deletion_protection_enabled = var.deletion_protection
  # A global table replicates from its stream.
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = local.key
    type = "S"
  }

  attribute {
    name = local.outbox_key
    type = "S"
  }

  attribute {
    name = local.outbox_sort
    type = "S"
  }

  # Sparse: only a sale that is not processed yet carries the attribute.
  global_secondary_index {
    name            = var.outbox_index
    hash_key        = local.outbox_key
    range_key       = local.outbox_sort
    projection_type = "KEYS_ONLY"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    # The replica is a resource of its own below, the only way to protect it from deletion with provider 5.x.
    ignore_changes = [replica]
  }
}

resource "aws_dynamodb_table" "idempotency" {
  count    = local.eventual ? 1 : 0
  provider = aws.first

  name                        = var.idempotency_table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = local.key
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"

  attribute {
    name = local.key
    type = "S"
  }

  ttl {
    attribute_name = local.ttl_attribute
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    ignore_changes = [replica]
  }
}

resource "aws_dynamodb_table_replica" "sales" {
  count    = local.eventual ? 1 : 0
  provider = aws.second

  global_table_arn            = aws_dynamodb_table.sales[0].arn
  point_in_time_recovery      = true
  deletion_protection_enabled = var.deletion_protection
}

resource "aws_dynamodb_table_replica" "idempotency" {
  count    = local.eventual ? 1 : 0
  provider = aws.second

  global_table_arn            = aws_dynamodb_table.idempotency[0].arn
  point_in_time_recovery      = true
  deletion_protection_enabled = var.deletion_protection
}
