# Multi-Region strong consistency: two replicas and a witness. No TTL: DynamoDB refuses it on such tables, so settled
# records stay (about 200 bytes each) until something else removes them; infra/README.md says what that costs.

locals {
  home_sets = [for regions in values(local.strong_region_sets) : regions if contains(regions, var.first_region)]
  witness = (
    var.witness_region != null ? var.witness_region :
    try([for region in local.home_sets[0] : region if !contains([var.first_region, var.second_region], region)][0], null)
  )

  strong_replicas = [
    for region in [var.first_region, var.second_region] : {
      Region                           = region
      DeletionProtectionEnabled        = var.deletion_protection
      PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled = true }
    }
  ]

  strong_common = {
    BillingMode            = "PAY_PER_REQUEST"
    KeySchema              = [{ AttributeName = local.key, KeyType = "HASH" }]
    MultiRegionConsistency = "STRONG"
    GlobalTableWitnesses   = [{ Region = local.witness }]
    Replicas               = local.strong_replicas
  }

  strong_tables = {
    sales = merge(local.strong_common, {
      TableName = var.sales_table
      AttributeDefinitions = [
        { AttributeName = local.key, AttributeType = "S" },
        { AttributeName = local.outbox_key, AttributeType = "S" },
        { AttributeName = local.outbox_sort, AttributeType = "S" },
      ]
      GlobalSecondaryIndexes = [{
        IndexName = var.outbox_index
        KeySchema = [
          { AttributeName = local.outbox_key, KeyType = "HASH" },
          { AttributeName = local.outbox_sort, KeyType = "RANGE" },
        ]
        Projection = { ProjectionType = "KEYS_ONLY" }
      }]
    })
    idempotency = merge(local.strong_common, {
      TableName            = var.idempotency_table
      AttributeDefinitions = [{ AttributeName = local.key, AttributeType = "S" }]
    })
  }
}

resource "aws_cloudcontrolapi_resource" "strong" {
  for_each = local.eventual ? {} : { for name, table in local.strong_tables : name => jsonencode(table) }
  provider = aws.first

  type_name     = "AWS::DynamoDB::GlobalTable"
  desired_state = each.value
}
