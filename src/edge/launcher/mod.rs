//! The launcher's protocol: its arguments, its payload, its answers.
