//! A unit: one running attempt, from launch to report.
