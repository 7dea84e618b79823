//! In-memory ports for tests and for the simulator.
