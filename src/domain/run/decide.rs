//! Decide: a wish or a report becomes events, or is refused.
