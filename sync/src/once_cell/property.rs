//! Against a sequential model.
