//! Many readers or one writer: `RwLock`.
