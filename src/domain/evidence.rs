//! Evidence: what the operator decides on at a gate, and when it goes stale.
