//! Update: a message changes the model and yields commands.
