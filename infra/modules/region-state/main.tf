# What the operator declares for this region. The pattern refuses a typing error where it is made; a worker that reads
# anything else holds.
resource "aws_ssm_parameter" "state" {
  name            = var.name
  description     = "State of the region: ACTIVE does the work, PASSIVE dry-runs, HOLD receives nothing"
  type            = "String"
  tier            = "Standard"
  allowed_pattern = "^(ACTIVE|PASSIVE|HOLD)$"
  value           = var.initial_state

  lifecycle {
    # The value is the operator's. An apply that put it back would be an unasked failover. The pattern and the text too,
    # because SSM changes them by writing the value anew, as the plan saw it: a flip made after the plan would be undone.
    ignore_changes = [value, allowed_pattern, description]
  }
}
