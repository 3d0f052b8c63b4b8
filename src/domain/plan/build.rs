//! Building the plan: roles to hosts, kinds to actions, stages to tasks.
