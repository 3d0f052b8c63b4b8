//! Reporting errors: message, causes, help, exit code.
