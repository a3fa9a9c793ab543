//! A value with the async function that makes it: `LazyLock`.
