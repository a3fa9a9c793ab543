//! Queues whose items are accounted for: `Queue`, `PriorityQueue`, `LifoQueue`.
