//! The forecast: durations walked through the plan.
