# One site, whole: what its tasks are told, what they may do, how they stop, and that the two sites are alike.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["zone-a", "zone-b", "zone-c", "zone-d"] }
  }

  mock_data "aws_acm_certificate" {
    defaults = { arn = "arn:aws:acm:sa-east-1:111122223333:certificate/mock" }
  }
}

variables {
  account_id    = "111122223333"
  region        = "sa-east-1"
  peer_region   = "us-east-1"
  initial_state = "ACTIVE"
  image_tag     = "v1.2.3"
  domain        = "sales.example.com"
  zone_id       = "Z0123456789"
  network       = { cidr = "10.20.0.0/16", peer_cidr = "10.21.0.0/16" }
}

run "first" {
  command = plan
  module { source = "./modules/region" }

  # The services' names, from the list that drctl prints from the Rust configuration.
  assert {
    condition = alltrue([
      for service in ["api", "worker"] : length(setsubtract(
        [for pair in output.shape[service].container.environment : pair.name],
        [for variable in jsondecode(file("environment.json")) : variable.name if contains(["both", service], variable.service)],
      )) == 0
    ])
    error_message = "A task is given a variable that its program does not read."
  }

  assert {
    condition = alltrue([
      for service in ["api", "worker"] : length(setsubtract(
        [for variable in jsondecode(file("environment.json")) : variable.name if variable.required && contains(["both", service], variable.service)],
        [for pair in output.shape[service].container.environment : pair.name],
      )) == 0
    ])
    error_message = "A task is not given a variable that its program requires."
  }

  assert {
    condition     = alltrue([for service in ["api", "worker"] : contains(output.shape[service].container.environment, { name = "METRICS_EMF", value = "on" })])
    error_message = "Without METRICS_EMF the alarms on the services see nothing."
  }

  # Stopping.
  assert {
    condition = alltrue([
      for service in ["api", "worker"] :
      output.shape[service].container.stopTimeout <= 120
      && contains(output.shape[service].container.environment, { name = "DRAIN_TIMEOUT", value = "${output.shape.timing.drain}s" })
      && output.shape.timing.drain < output.shape[service].container.stopTimeout
    ])
    error_message = "The drain must end before SIGKILL comes, and SIGKILL within 120 s."
  }

  # Containers.
  assert {
    condition = alltrue([
      for service in ["api", "worker"] :
      output.shape[service].container.readonlyRootFilesystem
      && output.shape[service].container.user == "65532:65532"
      && output.shape[service].container.linuxParameters.capabilities.drop == ["ALL"]
      && output.shape[service].container.healthCheck.command == ["CMD", "/usr/local/bin/sales-${service}", "--health-check"]
      && endswith(output.shape[service].container.image, ".dkr.ecr.sa-east-1.amazonaws.com/sales/${service}:v1.2.3")
    ])
    error_message = "Containers: read-only root, no root user, no capabilities, a health check, this region's own copy of the image."
  }
}

run "roles_name_what_they_may_do" {
  command = plan
  module { source = "./modules/region" }

  assert {
    condition = { for statement in output.shape.api.statements : statement.sid => "${join(",", statement.actions)} ${join(",", statement.resources)}" } == {
      Sales       = "dynamodb:GetItem,dynamodb:PutItem,dynamodb:UpdateItem arn:aws:dynamodb:sa-east-1:111122223333:table/sales"
      PeerSales   = "dynamodb:GetItem arn:aws:dynamodb:us-east-1:111122223333:table/sales"
      Records     = "dynamodb:GetItem,dynamodb:UpdateItem arn:aws:dynamodb:sa-east-1:111122223333:table/sales-idempotency"
      PeerRecords = "dynamodb:UpdateItem arn:aws:dynamodb:us-east-1:111122223333:table/sales-idempotency"
      Publish     = "sns:Publish arn:aws:sns:sa-east-1:111122223333:sales-processing"
      ReadState   = "ssm:GetParameter arn:aws:ssm:sa-east-1:111122223333:parameter/sales/sa-east-1/state"
    }
    error_message = "The api's role is not exactly what the api calls."
  }

  assert {
    condition = { for statement in output.shape.worker.statements : statement.sid => "${join(",", statement.actions)} ${join(",", statement.resources)}" } == {
      Receive   = "sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage arn:aws:sqs:sa-east-1:111122223333:sales-queue"
      Park      = "sqs:SendMessage arn:aws:sqs:sa-east-1:111122223333:sales-dlq"
      Sales     = "dynamodb:BatchGetItem,dynamodb:GetItem,dynamodb:PutItem,dynamodb:UpdateItem arn:aws:dynamodb:sa-east-1:111122223333:table/sales"
      Outbox    = "dynamodb:Query arn:aws:dynamodb:sa-east-1:111122223333:table/sales/index/outbox-index"
      Records   = "dynamodb:BatchGetItem,dynamodb:GetItem,dynamodb:UpdateItem arn:aws:dynamodb:sa-east-1:111122223333:table/sales-idempotency,arn:aws:dynamodb:us-east-1:111122223333:table/sales-idempotency"
      Archive   = "s3:PutObject arn:aws:s3:::sales-archive-111122223333-sa-east-1/sales/*"
      ReadState = "ssm:GetParameter arn:aws:ssm:sa-east-1:111122223333:parameter/sales/sa-east-1/state"
    }
    error_message = "The worker's role is not exactly what the worker calls."
  }

  assert {
    condition = !anytrue(flatten([
      for service in ["api", "worker"] : [
        for statement in output.shape[service].statements : [for action in statement.actions : startswith(action, "ssm:Put")]
      ]
    ]))
    error_message = "No service may write the state: that is the operator's."
  }
}

run "second" {
  command = plan
  module { source = "./modules/region" }

  variables {
    region        = "us-east-1"
    peer_region   = "sa-east-1"
    initial_state = "PASSIVE"
    network       = { cidr = "10.21.0.0/16", peer_cidr = "10.20.0.0/16" }
  }

  # Each side's own region becomes HERE and the other's THERE; the sorted lists are sorted again after that.
  assert {
    condition = (
      replace(replace(jsonencode(merge(output.shape, { alarms = null, names = null })), "us-east-1", "HERE"), "sa-east-1", "THERE")
      == replace(replace(jsonencode(merge(run.first.shape, { alarms = null, names = null })), "sa-east-1", "HERE"), "us-east-1", "THERE")
    )
    error_message = "The two sites differ in more than their region."
  }

  assert {
    condition = (
      sort([for alarm in output.shape.alarms : replace(replace(alarm, "us-east-1", "HERE"), "sa-east-1", "THERE")])
      == sort([for alarm in run.first.shape.alarms : replace(replace(alarm, "sa-east-1", "HERE"), "us-east-1", "THERE")])
    )
    error_message = "The two sites have different alarms."
  }

  assert {
    condition     = output.shape.worker.scaling.min == run.first.shape.worker.scaling.min && output.shape.api.scaling.min == run.first.shape.api.scaling.min
    error_message = "The passive region must stand ready with as many tasks as the active one."
  }
}

run "without_internet_the_peers_dynamodb_is_called_by_its_regional_name" {
  command = plan
  module { source = "./modules/region" }

  variables {
    network = { cidr = "10.20.0.0/16", peer_cidr = "10.21.0.0/16", egress = "endpoints" }
  }

  assert {
    condition = alltrue([
      for service in ["api", "worker"] : contains(output.shape[service].container.environment, { name = "AWS_ACCOUNT_ID_ENDPOINT_MODE", value = "disabled" })
    ])
    error_message = "The SDK must not call an account's own endpoint, whose name nothing resolves to a private address."
  }
}

run "services_run_on_arm_and_roll_back_by_themselves" {
  command = plan
  module { source = "./modules/service" }

  variables {
    name        = "worker"
    cluster     = { arn = "arn:aws:ecs:sa-east-1:111122223333:cluster/sales", name = "sales" }
    image       = { repository_arn = "arn:aws:ecr:sa-east-1:111122223333:repository/sales/worker", tag = "v1.2.3" }
    binary      = "/usr/local/bin/sales-worker"
    port        = 8090
    size        = { cpu = 256, memory = 512 }
    environment = { AWS_REGION = "sa-east-1" }
    network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], egress = { cidrs = { internet = "0.0.0.0/0" }, prefix_lists = {} } }
    statements  = [{ sid = "Read", actions = ["ssm:GetParameter"], resources = ["arn:aws:ssm:sa-east-1:111122223333:parameter/sales/sa-east-1/state"] }]
    scaling     = { min = 2, max = 4 }
  }

  override_resource {
    target          = aws_iam_role.execution
    override_during = plan
    values          = { arn = "arn:aws:iam::111122223333:role/execution" }
  }

  override_resource {
    target          = aws_iam_role.task
    override_during = plan
    values          = { arn = "arn:aws:iam::111122223333:role/task" }
  }

  assert {
    condition     = aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64" && aws_ecs_task_definition.this.requires_compatibilities == toset(["FARGATE"])
    error_message = "Tasks run on Fargate with ARM64."
  }

  assert {
    condition = (
      aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
      && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
      && aws_ecs_service.this.deployment_minimum_healthy_percent == 100
      && !aws_ecs_service.this.network_configuration[0].assign_public_ip
    )
    error_message = "A bad deployment rolls back, zones are balanced, no task leaves before its successor is there, none has a public address."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid if statement.Resource == "*"
    ] == ["RegistryToken"]
    error_message = "Only ECR's token, which has no resource, may be allowed on *."
  }
}
