//! Gathering the overview of a project from git and the journals.
