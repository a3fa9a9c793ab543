//! A count that goes down to zero, once: `Latch`.
