//! Following logs: files and commands in every shell, and whole environments of real servers.
//!
//! `files` and `commands` drive the follower on this machine in dash, bash and busybox ash (which sees nothing but
//! busybox's own programs). `servers` is `golive tail` on real OpenSSH servers.

mod commands;
mod files;
mod ground;
mod servers;
