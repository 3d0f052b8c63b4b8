//! What waits for what: the dependencies between the tasks of a stage.
