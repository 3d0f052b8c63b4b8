//! Following logs: files and commands in every shell, and whole environments of real servers.
//!
//! `files` and `commands` drive the follower on this machine in dash, bash and busybox ash (which sees nothing but
//! busybox's own programs). `servers` follows real OpenSSH servers, `faces` is `golive tail` itself.

mod commands;
mod files;
mod ground;
