//! Descriptors come back: alone in its process, because it counts all of them.

#![cfg(target_os = "linux")]

use filch_reactor::{Async, Reactor, enter};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::os::unix::net::UnixStream;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn cloexec(fd: &str) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 != 0
}

#[test]
fn none_is_left_behind_and_running_out_of_them_is_an_error_that_passes() {
    // The default reactor cannot start without descriptors: the caller is told, and the next attempt works.
    let (a, b) = UnixStream::pair().unwrap();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: limit.maximum }).unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| a.try_clone().ok()).collect();
    let refused = Async::new(b);
    let no_reactor = Reactor::new();
    drop(hoard);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    assert_eq!(no_reactor.unwrap_err().raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    let works = Async::new(a).unwrap();
    drop(works);

    // From here on the default reactor stands, and everything else must go again.
    let baseline = open_descriptors();
    for round in 0..200 {
        let reactor = Reactor::new().unwrap();
        let kept = {
            let _entered = enter(&reactor, true);
            let (a, b) = UnixStream::pair().unwrap();
            let (a, b) = (Async::new(a).unwrap(), Async::new(b).unwrap());
            drop(a);
            b
        };
        drop(reactor);
        if round % 2 == 0 {
            drop(kept.into_inner().unwrap());
        }
        let refused = Async::new(std::fs::File::open("/proc/self/exe").unwrap());
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
    assert_eq!(open_descriptors(), baseline);

    let _reactor = Reactor::new().unwrap();
    let _portable = Reactor::portable().unwrap();
    for fd in std::fs::read_dir("/proc/self/fd").unwrap() {
        let name = fd.unwrap().file_name().into_string().unwrap();
        let target = std::fs::read_link(format!("/proc/self/fd/{name}")).unwrap_or_default();
        if target.to_string_lossy().starts_with("anon_inode:[event") {
            assert!(cloexec(&name), "{target:?} would leak into child processes");
        }
    }
}
