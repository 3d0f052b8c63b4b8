//! `run = "…"`: a shell command line, on this machine or on hosts.
