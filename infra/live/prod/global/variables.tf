variable "link_regions" {
  description = "Whether both sites are there to be tied together: -var link_regions=false for the very first apply, and never again."
  type        = bool
  default     = true
}
