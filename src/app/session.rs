//! A run session: preflight, plan, engine and faces put together.
