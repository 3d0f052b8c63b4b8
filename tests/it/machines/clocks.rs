//! Clocks that jump between and during runs.
