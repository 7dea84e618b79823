terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # Bucket, key and region come from backend.hcl: terraform init -backend-config=backend.hcl
  backend "s3" {}
}
