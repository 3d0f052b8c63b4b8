//! The console: keys, updates and ticks into the screens, and their commands out.
