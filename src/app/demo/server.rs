//! The demo's hosts: embedded SSH servers on loopback.
