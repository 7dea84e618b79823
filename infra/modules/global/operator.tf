# The role of whoever flips. It writes the two parameters, reads them back, and nothing else.

resource "aws_iam_role" "operator" {
  provider = aws.first

  name                 = "sales-operator"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.operator_principals }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "operator" {
  provider = aws.first

  name = "flip"
  role = aws_iam_role.operator.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Flip"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:PutParameter"]
      Resource = [module.first.arns.state_parameter, module.second.arns.state_parameter]
    }]
  })
}
