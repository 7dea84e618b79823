variable "region" {
  description = "The region of this site, from region.auto.tfvars: the only thing in which the two directories differ."
  type        = string
}
