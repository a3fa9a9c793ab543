//! The runtime of those who made none.

use super::{Handle, Runtime};
use std::sync::OnceLock;

/// Set once: by the first use, or by `main`. A default that started by itself is never ended, like the process.
static DEFAULT: OnceLock<(Handle, Option<Runtime>)> = OnceLock::new();

/// The process-wide default runtime, started on first use.
pub(super) fn default_runtime() -> &'static Handle {
    let (handle, _running) = DEFAULT.get_or_init(|| match Runtime::new() {
        Ok(runtime) => (runtime.handle().clone(), Some(runtime)),
        Err(error) => panic!("the default filch runtime cannot start: {error}"),
    });
    handle
}

/// Makes `runtime` the default, unless there is one already.
pub(crate) fn install_default(runtime: &Runtime) {
    let _there_is_one = DEFAULT.set((runtime.handle().clone(), None));
}
