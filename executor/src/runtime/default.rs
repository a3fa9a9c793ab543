//! The runtime of those who made none.

use super::{Handle, Runtime};
use parking_lot::RwLock;

/// The default, if there is one yet.
static DEFAULT: RwLock<Option<Default>> = RwLock::new(None);

struct Default {
    handle: Handle,
    /// A default that started by itself runs until the process ends. One that `main` made is held by `main`.
    _running: Option<Runtime>,
}

/// The process-wide default runtime, started on first use, and again should the one there was have ended.
pub(super) fn default_runtime() -> Handle {
    if let Some(handle) = live(&DEFAULT.read()) {
        return handle;
    }
    let mut default = DEFAULT.write();
    if let Some(handle) = live(&default) {
        return handle;
    }
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the default filch runtime cannot start: {error}"),
    };
    let handle = runtime.handle().clone();
    let ended = default.replace(Default { handle: handle.clone(), _running: Some(runtime) });
    drop(default);
    drop(ended);
    handle
}

fn live(default: &Option<Default>) -> Option<Handle> {
    default.as_ref().map(|default| &default.handle).filter(|handle| !handle.has_ended()).cloned()
}

/// Makes `runtime` the default, unless there is one already.
pub(crate) fn install_default(runtime: &Runtime) {
    let mut default = DEFAULT.write();
    if live(&default).is_some() {
        return;
    }
    let ended = default.replace(Default { handle: runtime.handle().clone(), _running: None });
    drop(default);
    drop(ended);
}
