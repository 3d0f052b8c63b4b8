//! Connections to one host: masters, sessions, reconnecting.
