//! Models of the task cell, run by the model checker.
