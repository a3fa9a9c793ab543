//! Tasks that wait for each other: `Barrier`.
