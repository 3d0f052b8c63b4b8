//! The demo's project: repository, history, application, checklist.
