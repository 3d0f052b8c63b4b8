//! Messages in, commands out.
