//! A number of tokens, each with its borrower: `CapacityLimiter`.
