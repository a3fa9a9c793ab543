//! The latest value, for all who look.
