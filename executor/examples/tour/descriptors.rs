//! How many files this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Asks for `wanted` open files, and says how many are allowed: as many, or as the operating system gives.
pub(crate) fn allow(wanted: usize) -> usize {
    let wanted = wanted as u64;
    let mut limit = getrlimit(Resource::Nofile);
    // No limit is `None`.
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| wanted.min(maximum)));
        // When that is refused the old limit has to do.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let allowed = getrlimit(Resource::Nofile).current.map_or(wanted, |current| current.min(wanted));
    usize::try_from(allowed).unwrap_or(usize::MAX)
}
