//! Launching on this machine, through the same launcher as on hosts.
