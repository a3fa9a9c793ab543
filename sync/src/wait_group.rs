//! Work that is counted while it lives: `WaitGroup`.
