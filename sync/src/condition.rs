//! Waiting, under a lock, for what the lock guards to change: `Condition`.
