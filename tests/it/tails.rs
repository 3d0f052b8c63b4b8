//! Following logs: files and commands in every shell, and whole environments of real servers.
//!
//! `files` and `commands` drive the follower on this machine in dash, bash and busybox ash (which sees nothing but
//! busybox's own programs). `engine` is what drives sources, with made-up hosts.
//! `faces` is `golive tail` on folders that play hosts, `servers` on real OpenSSH servers.

mod commands;
mod engine;
mod faces;
mod files;
mod ground;
mod servers;
