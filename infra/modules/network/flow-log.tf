# Only what was refused: that is what an engineer looks for, and it is a small part of the traffic.

resource "aws_cloudwatch_log_group" "refused" {
  name              = "/sales/${var.region}/network"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "flow_log" {
  name = "${var.name}-flow-log-${var.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "flow_log" {
  name = "write"
  role = aws_iam_role.flow_log.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WriteOwnGroup"
      Effect = "Allow"
      Action = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      # The names of the streams are chosen by the service.
      Resource = "${aws_cloudwatch_log_group.refused.arn}:*"
    }]
  })
}

resource "aws_flow_log" "refused" {
  vpc_id               = aws_vpc.this.id
  traffic_type         = "REJECT"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.refused.arn
  iam_role_arn         = aws_iam_role.flow_log.arn
}
