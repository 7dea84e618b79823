# What each task may do, call by call. A batch is authorised by the single call: DeleteMessageBatch by DeleteMessage,
# ChangeMessageVisibilityBatch by ChangeMessageVisibility.

locals {
  arns = module.data_plane.arns

  read_state = {
    sid       = "ReadState"
    actions   = ["ssm:GetParameter"]
    resources = [local.arns.state_parameter]
  }

  api_statements = [
    {
      sid       = "Sales"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [local.arns.sales]
    },
    {
      # A sale that was posted there and has not replicated yet is read there.
      sid       = "PeerSales"
      actions   = ["dynamodb:GetItem"]
      resources = [local.arns.peer_sales]
    },
    {
      # A sale that is deleted settles its record: here, and at its authority where that is the other region.
      sid       = "Records"
      actions   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources = [local.arns.idempotency]
    },
    {
      sid       = "PeerRecords"
      actions   = ["dynamodb:UpdateItem"]
      resources = [local.arns.peer_idempotency]
    },
    {
      sid       = "Publish"
      actions   = ["sns:Publish"]
      resources = [local.arns.topic]
    },
    local.read_state,
  ]

  worker_statements = [
    {
      sid       = "Receive"
      actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [local.arns.queue]
    },
    {
      sid       = "Park"
      actions   = ["sqs:SendMessage"]
      resources = [local.arns.dlq]
    },
    {
      sid       = "Sales"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [local.arns.sales]
    },
    {
      sid       = "Outbox"
      actions   = ["dynamodb:Query"]
      resources = [local.arns.outbox_index]
    },
    {
      # Claims: here for sales owned here, at the other region for sales owned there.
      sid       = "Records"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
      resources = [local.arns.idempotency, local.arns.peer_idempotency]
    },
    {
      # The key of an object is made of the sale's date and id, so the prefix is the finest there is.
      sid       = "Archive"
      actions   = ["s3:PutObject"]
      resources = ["${local.arns.bucket}/sales/*"]
    },
    local.read_state,
  ]
}
