variable "name" {
  description = "api or worker."
  type        = string

  validation {
    condition     = contains(["api", "worker"], var.name)
    error_message = "name must be \"api\" or \"worker\"."
  }
}

variable "region" {
  description = "The region of this site."
  type        = string
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "cluster" {
  description = "The ECS cluster."
  type        = object({ arn = string, name = string })
}

variable "image" {
  description = "Repository and tag of the image. The tag is a version, the same in both regions."
  type        = object({ repository_arn = string, tag = string })

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image.tag)) && var.image.tag != "latest"
    error_message = "image.tag must be one fixed version, such as a commit, and never \"latest\": both regions must run the same."
  }
}

variable "binary" {
  description = "Path of the program in the image; it checks its own health with --health-check."
  type        = string
}

variable "port" {
  description = "Port of the HTTP listener."
  type        = number
}

variable "size" {
  description = "CPU units (1024 are one vCPU) and memory in MiB of one task."
  type        = object({ cpu = number, memory = number })

  validation {
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
    condition     = contains([256, 512, 1024, 2048, 4096], var.size.cpu) && var.size.memory >= 2 * var.size.cpu && var.size.memory <= 8 * var.size.cpu
    error_message = "size must be one that Fargate offers: cpu 256, 512, 1024, 2048 or 4096, and memory two to eight times that."
  }
}

variable "environment" {
  description = "Environment of the container."
  type        = map(string)
}

variable "drain_seconds" {
  description = "Time that the program takes to finish after SIGTERM."
  type        = number
  default     = 25
}

variable "stop_timeout_seconds" {
  description = "Time between SIGTERM and SIGKILL."
  type        = number
  default     = 60

  validation {
    condition     = var.stop_timeout_seconds > var.drain_seconds && var.stop_timeout_seconds <= 120
    error_message = "stop_timeout_seconds must be above drain_seconds, so that a drain is never cut short, and at most 120, what Fargate takes."
  }
}

variable "network" {
  description = "VPC, subnets, and where tasks may connect to."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
    egress     = object({ cidrs = map(string), prefix_lists = map(string) })
  })
}

variable "load_balancer" {
  description = "What sends requests to the tasks, or null where nothing does."
  type        = object({ target_group_arn = string, security_group_id = string })
  default     = null
}

variable "statements" {
  description = "What the task's role allows: actions and resources by name."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))

  validation {
    condition     = alltrue([for statement in var.statements : alltrue([for action in statement.actions : !strcontains(action, "*")])])
    error_message = "statements must name every action: no * in an action."
  }

  validation {
    condition     = alltrue([for statement in var.statements : alltrue([for resource in statement.resources : startswith(resource, "arn:")])])
    error_message = "statements must name their resources by ARN: no bare *."
  }
}

variable "scaling" {
  description = "Fewest and most tasks, and the CPU share in percent that is aimed at."
  type        = object({ min = number, max = number, cpu_percent = optional(number, 60) })

  validation {
    condition     = var.scaling.min >= 2 && var.scaling.max >= var.scaling.min
    error_message = "scaling.min must be at least 2, so that the loss of a zone leaves one (also in the passive region, which must be ready at once), and scaling.max not below it."
  }
}

variable "requests_per_task" {
  description = "Requests a minute and task that are aimed at, with the load balancer's label; null where there is none."
  type        = object({ target = number, resource_label = string })
  default     = null
}

variable "backlog_per_task" {
  description = "Messages waiting a task that are aimed at, with the queue's name; null where there is none."
  type        = object({ target = number, queue = string })
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
