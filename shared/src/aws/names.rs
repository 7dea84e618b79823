//! Names that the services, the provisioning and the infrastructure share.

/// Name of the sparse index that lists sales not yet processed.
pub const OUTBOX_INDEX: &str = "outbox-index";
/// Name of the message attribute that holds the reason in the dead-letter queue.
pub const REASON_ATTRIBUTE: &str = "reason";
/// What the state's parameter may hold.
pub const STATE_PATTERN: &str = "^(ACTIVE|PASSIVE|HOLD)$";
/// TTL attribute of the idempotency table.
pub const TTL_ATTRIBUTE: &str = "expires_at";
