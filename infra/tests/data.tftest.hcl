# Tables, archive and state: what must outlive a mistake.

mock_provider "aws" {}
mock_provider "aws" {
  alias = "first"
}
mock_provider "aws" {
  alias = "second"
}

variables {
  sales_table       = "sales"
  idempotency_table = "sales-idempotency"
  outbox_index      = "outbox-index"
  first_region      = "sa-east-1"
  second_region     = "us-east-1"
  account_id        = "111122223333"
  bucket            = "sales-archive-111122223333-sa-east-1"
  name              = "/sales/sa-east-1/state"
  initial_state     = "PASSIVE"
}

run "both_replicas_of_both_tables_are_protected" {
  command = plan
  module { source = "./modules/tables" }
  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.sales[0], aws_dynamodb_table.idempotency[0]] :
      table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled && table.hash_key == "id"
    ])
    error_message = "Both tables: on demand, keyed by id, protected from deletion, with point-in-time recovery."
  }

  assert {
    condition = alltrue([
      for replica in [aws_dynamodb_table_replica.sales[0], aws_dynamodb_table_replica.idempotency[0]] :
      replica.deletion_protection_enabled && replica.point_in_time_recovery
    ])
    error_message = "Both replicas: protected from deletion, with point-in-time recovery."
  }
}

run "the_outbox_index_is_sparse_and_small" {
  command = plan
  module { source = "./modules/tables" }
  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  assert {
    condition = one([
      for index in aws_dynamodb_table.sales[0].global_secondary_index :
      "${index.name} ${index.hash_key} ${index.range_key} ${index.projection_type}"
    ]) == "outbox-index outbox created_at KEYS_ONLY"
    error_message = "The index must be outbox-index on (outbox, created_at) and carry keys only."
  }

  assert {
    condition     = aws_dynamodb_table.idempotency[0].ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.idempotency[0].ttl[0].enabled
    error_message = "Idempotency records expire by the attribute that the services write."
  }
}

run "strong_tables_have_a_witness_in_their_own_region_set" {
  command = plan
  module { source = "./modules/tables" }
  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  variables {
    first_region  = "us-east-1"
    second_region = "us-west-2"
    consistency   = "strong"
  }

  assert {
    condition     = output.witness_region == "us-east-2"
    error_message = "The third region of the US set must be chosen."
  }

  assert {
    condition = length(aws_cloudcontrolapi_resource.strong) == 2 && length(aws_dynamodb_table.sales) == 0 && alltrue([
      for table in aws_cloudcontrolapi_resource.strong :
      jsondecode(table.desired_state).MultiRegionConsistency == "STRONG"
      && [for replica in jsondecode(table.desired_state).Replicas : replica.Region] == ["us-east-1", "us-west-2"]
      && alltrue([for replica in jsondecode(table.desired_state).Replicas : replica.DeletionProtectionEnabled && replica.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled])
    ])
    error_message = "Both tables must be strong, with two protected replicas, and not be made twice."
  }
}

run "strong_is_refused_where_dynamodb_does_not_offer_it" {
  command = plan
  module { source = "./modules/tables" }
  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  variables {
    consistency = "strong"
  }

  expect_failures = [var.consistency]
}

run "a_witness_of_another_region_set_is_refused" {
  command = plan
  module { source = "./modules/tables" }
  providers = {
    aws.first  = aws.first
    aws.second = aws.second
  }

  variables {
    first_region   = "us-east-1"
    second_region  = "us-west-2"
    consistency    = "strong"
    witness_region = "eu-west-1"
  }

  expect_failures = [var.witness_region]
}

run "the_archive_is_private_versioned_and_tls_only" {
  command = plan
  module { source = "./modules/archive" }

  override_resource {
    target          = aws_s3_bucket.archive
    override_during = plan
    values          = { id = "sales-archive-111122223333-sa-east-1", arn = "arn:aws:s3:::sales-archive-111122223333-sa-east-1" }
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.archive.block_public_acls && aws_s3_bucket_public_access_block.archive.block_public_policy
      && aws_s3_bucket_public_access_block.archive.ignore_public_acls && aws_s3_bucket_public_access_block.archive.restrict_public_buckets
      && aws_s3_bucket_ownership_controls.archive.rule[0].object_ownership == "BucketOwnerEnforced"
    )
    error_message = "The bucket must be private in each of the five ways."
  }

  assert {
    condition     = aws_s3_bucket_versioning.archive.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.archive.force_destroy
    error_message = "The bucket must be versioned and not go with its objects."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_s3_bucket_policy.archive.policy).Statement : statement.Condition.Bool["aws:SecureTransport"] if statement.Effect == "Deny"]) == "false"
    error_message = "The bucket's policy must deny what does not come over TLS."
  }
}

run "each_bucket_replicates_to_the_other_with_its_delete_markers" {
  command = plan
  module { source = "./modules/links/replication" }

  variables {
    source_region            = "sa-east-1"
    source_bucket            = "sales-archive-111122223333-sa-east-1"
    destination_bucket       = "sales-archive-111122223333-us-east-1"
    replication_time_control = true
  }

  override_resource {
    target          = aws_iam_role.replication
    override_during = plan
    values          = { id = "sales-replication-from-sa-east-1", arn = "arn:aws:iam::111122223333:role/sales-replication-from-sa-east-1" }
  }

  assert {
    condition = (
      one(aws_s3_bucket_replication_configuration.replication.rule).delete_marker_replication[0].status == "Enabled"
      && one(aws_s3_bucket_replication_configuration.replication.rule).source_selection_criteria[0].replica_modifications[0].status == "Enabled"
      && one(aws_s3_bucket_replication_configuration.replication.rule).destination[0].bucket == "arn:aws:s3:::sales-archive-111122223333-us-east-1"
      && one(aws_s3_bucket_replication_configuration.replication.rule).destination[0].replication_time[0].time[0].minutes == 15
    )
    error_message = "Replication must carry delete markers and changes to replicas, to the other region's bucket, in time where that is asked for."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.replication.policy).Statement :
      [for action in statement.Action : !strcontains(action, "*") && statement.Resource != "*"]
    ]))
    error_message = "The replication role must name its actions and its buckets."
  }
}

run "the_state_parameter_refuses_a_misspelt_state" {
  command = plan
  module { source = "./modules/region-state" }

  assert {
    condition     = aws_ssm_parameter.state.allowed_pattern == "^(ACTIVE|PASSIVE|HOLD)$" && aws_ssm_parameter.state.name == "/sales/sa-east-1/state"
    error_message = "The parameter must take the three states and nothing else."
  }
}

run "a_misspelt_initial_state_is_refused" {
  command = plan
  module { source = "./modules/region-state" }

  variables {
    initial_state = "active"
  }

  expect_failures = [var.initial_state]
}
