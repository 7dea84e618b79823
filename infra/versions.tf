# This directory holds no resource of its own: `terraform test` runs from here, each run naming the module it tests. What
# is deployed is under live/.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}
