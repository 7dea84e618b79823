variable "name" {
  description = "Name of the parameter, such as /sales/sa-east-1/state."
  type        = string

  validation {
    condition     = can(regex("^/sales/[a-z0-9-]+/state$", var.name))
    error_message = "name must look like /sales/<region>/state: the operator's role and drctl count on it."
  }
}

variable "initial_state" {
  description = "State at creation: ACTIVE, PASSIVE or HOLD. Later changes belong to the operator."
  type        = string

  validation {
    condition     = contains(["ACTIVE", "PASSIVE", "HOLD"], var.initial_state)
    error_message = "initial_state must be ACTIVE, PASSIVE or HOLD, in capitals: any other word means HOLD to a worker."
  }
}
