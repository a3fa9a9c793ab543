//! Which public types may cross threads, be moved after a poll, and be seen again after a panic: all of them, as a table.
//!
//! Wrong answers to the first question have been the commonest unsoundness of crates like these, and each change of an answer is a
//! promise made or broken. Letters say what a type is: `S` is `Send`, `Y` is `Sync`, `U` is `Unpin`, `W` is `UnwindSafe`, `R` is
//! `RefUnwindSafe`; a dash stands for no. A type with a parameter has three rows: with a parameter that is neither `Send` nor
//! `Sync` ([`Local`]), one that is `Send` alone ([`Movable`]), and one that is `Sync` alone ([`Lent`]).
//!
//! That no type is missing is read off the sources: whatever is spelled `pub` there can be reached from outside, or the compiler
//! complains.

use filch::{io, net, stream, sync, task, time};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::marker::PhantomData;
use std::net::{TcpStream as StdStream, UdpSocket as StdSocket};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::rc::Rc;
use std::sync::MutexGuard;

/// Neither `Send` nor `Sync`.
type Local = Rc<u8>;
/// `Send`, not `Sync`.
type Movable = Cell<u8>;
/// `Sync`, not `Send`.
type Lent = MutexGuard<'static, u8>;

/// Whether a type is something. The inherent constant comes first, where its bound is met; else there is that of the trait.
macro_rules! is {
    ($of:ty: $asked:path) => {{
        #[allow(dead_code, reason = "unused where the answer is yes")]
        trait No {
            const ANSWER: bool = false;
        }
        impl<T: ?Sized> No for T {}
        #[allow(dead_code, reason = "its type is all that matters")]
        struct Asked<T: ?Sized>(PhantomData<T>);
        #[allow(dead_code, reason = "unused where the answer is no")]
        impl<T: ?Sized + $asked> Asked<T> {
            const ANSWER: bool = true;
        }
        <Asked<$of>>::ANSWER
    }};
}

/// The letters of a type.
macro_rules! letters {
    ($of:ty) => {
        [
            (is!($of: Send), 'S'),
            (is!($of: Sync), 'Y'),
            (is!($of: Unpin), 'U'),
            (is!($of: UnwindSafe), 'W'),
            (is!($of: RefUnwindSafe), 'R'),
        ]
        .map(|(is, letter)| if is { letter } else { '-' })
        .into_iter()
        .collect::<String>()
    };
}

/// One type: where it is declared, and what it is said to be and what it is, for each parameter.
struct Row {
    package: &'static str,
    name: &'static str,
    columns: Vec<(&'static str, &'static str, String)>,
}

macro_rules! table {
    ($($package:literal: { $($name:ident: [$($of:ty => $said:literal),+ $(,)?]),+ $(,)? })+) => {
        vec![$($(Row {
            package: $package,
            name: stringify!($name),
            columns: vec![$((stringify!($of), $said, letters!($of))),+],
        }),+),+]
    };
}

type Wait = std::future::Ready<u8>;

fn table() -> Vec<Row> {
    table! {
        "executor": {
            Builder: [filch::Builder => "SYU--"],
            Runtime: [filch::Runtime => "SYU--"],
            Handle: [filch::Handle => "SYU--"],
            Report: [filch::Report => "SYUWR"],
            StuckTask: [filch::StuckTask => "SYUWR"],
            TaskBuilder: [task::Builder => "SYUWR"],
            RuntimeMetrics: [filch::RuntimeMetrics => "SYUWR"],
            Policies: [filch::Policies => "SYUWR"],
            WorkerMetrics: [filch::WorkerMetrics => "SYUWR"],
            JoinHandle: [
                filch::JoinHandle<Local> => "--UWR",
                filch::JoinHandle<Movable> => "SYUWR",
                filch::JoinHandle<Lent> => "--UWR",
            ],
            AbortHandle: [filch::AbortHandle => "SYUWR"],
            JoinError: [filch::JoinError => "SYU--"],
            Id: [task::Id => "SYUWR"],
            YieldNow: [task::YieldNow => "SYUWR"],
            Gather: [
                task::Gather<Local> => "--U--",
                task::Gather<Movable> => "S-U--",
                task::Gather<Lent> => "--U--",
            ],
            TryGather: [
                task::TryGather<Local, Local> => "--U--",
                task::TryGather<Movable, Movable> => "S-U--",
                task::TryGather<Lent, Lent> => "--U--",
            ],
            TryGatherError: [
                task::TryGatherError<Local> => "--U--",
                task::TryGatherError<Movable> => "S-U--",
                task::TryGatherError<Lent> => "-YU--",
            ],
            Race: [
                task::Race<Local> => "--U--",
                task::Race<Movable> => "SYU--",
                task::Race<Lent> => "--U--",
            ],
            AsCompleted: [
                task::AsCompleted<Local> => "--U--",
                task::AsCompleted<Movable> => "SYU--",
                task::AsCompleted<Lent> => "--U--",
            ],
            Wait: [task::Wait => "SYUWR"],
            WaitFuture: [
                task::WaitFuture<filch::JoinHandle<Local>> => "--U--",
                task::WaitFuture<filch::JoinHandle<Movable>> => "SYU--",
                task::WaitFuture<filch::JoinHandle<Lent>> => "--U--",
            ],
            MapConcurrent: [
                task::MapConcurrent<Local, Local, Local> => "--U--",
                task::MapConcurrent<Movable, Movable, Movable> => "S-U--",
                task::MapConcurrent<Lent, Lent, Lent> => "--U--",
            ],
            MapInOrder: [
                task::MapInOrder<Local, Local, Local> => "--UWR",
                task::MapInOrder<Movable, Movable, Movable> => "S-UW-",
                task::MapInOrder<Lent, Lent, Lent> => "--UWR",
            ],
            Merge: [
                stream::Merge<Local, Local> => "--UWR",
                stream::Merge<Movable, Movable> => "S-UW-",
                stream::Merge<Lent, Lent> => "-YUWR",
            ],
            MergeAll: [
                stream::MergeAll<Local> => "--U--",
                stream::MergeAll<Movable> => "S-U--",
                stream::MergeAll<Lent> => "-YU--",
            ],
            Options: [filch::__private::Options => "SYUWR"],
        }
        "timer": {
            Clock: [time::Clock => "SYU--"],
            Timer: [filch_timer::Timer => "SYU--"],
            EnterGuard: [filch_timer::EnterGuard => "--U--"],
            Sleep: [time::Sleep => "SY---"],
            Interval: [time::Interval => "SYU--"],
            MissedTickBehavior: [time::MissedTickBehavior => "SYUWR"],
            Elapsed: [time::Elapsed => "SYUWR"],
            Timeout: [
                time::Timeout<Local> => "-----",
                time::Timeout<Movable> => "S----",
                time::Timeout<Lent> => "-Y---",
                time::Timeout<Wait> => "SY---",
            ],
        }
        "sync": {
            Lock: [sync::Lock<Local> => "--U--", sync::Lock<Movable> => "SYU--", sync::Lock<Lent> => "--U--"],
            LockFuture: [
                sync::LockFuture<'static, Local> => "-----",
                sync::LockFuture<'static, Movable> => "SY---",
                sync::LockFuture<'static, Lent> => "-----",
            ],
            LockGuard: [
                sync::LockGuard<'static, Local> => "--U--",
                sync::LockGuard<'static, Movable> => "S-U--",
                sync::LockGuard<'static, Lent> => "--U--",
                sync::LockGuard<'static, u8> => "SYU--",
            ],
            OwnedLockGuard: [
                sync::OwnedLockGuard<Local> => "--U--",
                sync::OwnedLockGuard<Movable> => "S-U--",
                sync::OwnedLockGuard<Lent> => "--U--",
                sync::OwnedLockGuard<u8> => "SYU--",
            ],
            Semaphore: [sync::Semaphore => "SYU--"],
            Acquire: [sync::Acquire<'static> => "SY---"],
            SemaphorePermit: [sync::SemaphorePermit<'static> => "SYU--"],
            OwnedSemaphorePermit: [sync::OwnedSemaphorePermit => "SYU--"],
            Closed: [sync::Closed => "SYUWR"],
            TryAcquireError: [sync::TryAcquireError => "SYUWR"],
            Event: [sync::Event => "SYU--"],
            EventWait: [sync::EventWait<'static> => "SY---"],
            Sender: [
                sync::oneshot::Sender<Local> => "--U--",
                sync::oneshot::Sender<Movable> => "SYU--",
                sync::oneshot::Sender<Lent> => "--U--",
            ],
            Receiver: [
                sync::oneshot::Receiver<Local> => "--U--",
                sync::oneshot::Receiver<Movable> => "SYU--",
                sync::oneshot::Receiver<Lent> => "--U--",
            ],
            RecvError: [sync::oneshot::RecvError => "SYUWR"],
            TryRecvError: [sync::oneshot::TryRecvError => "SYUWR"],
            Sender: [
                sync::channel::Sender<Local> => "--U--",
                sync::channel::Sender<Movable> => "SYU--",
                sync::channel::Sender<Lent> => "--U--",
            ],
            SendFuture: [
                sync::channel::SendFuture<'static, Local> => "-----",
                sync::channel::SendFuture<'static, Movable> => "SY---",
                sync::channel::SendFuture<'static, Lent> => "-----",
            ],
            Receiver: [
                sync::channel::Receiver<Local> => "--U--",
                sync::channel::Receiver<Movable> => "SYU--",
                sync::channel::Receiver<Lent> => "--U--",
            ],
            RecvFuture: [
                sync::channel::RecvFuture<'static, Local> => "-----",
                sync::channel::RecvFuture<'static, Movable> => "SY---",
                sync::channel::RecvFuture<'static, Lent> => "-----",
            ],
            SendError: [
                sync::channel::SendError<Local> => "--UWR",
                sync::channel::SendError<Movable> => "S-UW-",
                sync::channel::SendError<Lent> => "-YUWR",
            ],
            TrySendError: [
                sync::channel::TrySendError<Local> => "--UWR",
                sync::channel::TrySendError<Movable> => "S-UW-",
                sync::channel::TrySendError<Lent> => "-YUWR",
            ],
            RecvError: [sync::channel::RecvError => "SYUWR"],
            TryRecvError: [sync::channel::TryRecvError => "SYUWR"],
        }
        "reactor": {
            Async: [io::Async<StdStream> => "SYU--"],
            Readable: [io::Readable<'static, StdSocket> => "SYU--"],
            Writable: [io::Writable<'static, StdSocket> => "SYU--"],
            EnterGuard: [filch_reactor::EnterGuard => "--U--"],
            Reactor: [filch_reactor::Reactor => "SYU--"],
            Turn: [filch_reactor::Turn<'static> => "--U--"],
            Events: [filch_reactor::Events => "SYUWR"],
        }
        "net": {
            TcpListener: [net::TcpListener => "SYU--"],
            Incoming: [net::Incoming<'static> => "SYU--"],
            TcpSocket: [net::TcpSocket => "SYUWR"],
            TcpStream: [net::TcpStream => "SYU--"],
            UdpSocket: [net::UdpSocket => "SYU--"],
            UnixDatagram: [net::UnixDatagram => "SYU--"],
            UnixListener: [net::UnixListener => "SYU--"],
            UnixIncoming: [net::UnixIncoming<'static> => "SYU--"],
            UnixStream: [net::UnixStream => "SYU--"],
            Credentials: [net::Credentials => "SYUWR"],
            AddressError: [net::AddressError => "SYU--"],
            ReadHalf: [net::ReadHalf<'static, net::TcpStream> => "SYU--"],
            WriteHalf: [net::WriteHalf<'static, net::TcpStream> => "SYU--"],
            OwnedReadHalf: [net::OwnedReadHalf<net::UnixStream> => "SYU--"],
            OwnedWriteHalf: [net::OwnedWriteHalf<net::UnixStream> => "SYU--"],
            ReuniteError: [net::ReuniteError<net::TcpStream> => "SYU--"],
        }
        "blocking": {
            Builder: [filch_blocking::Builder => "SYU--"],
            EnterGuard: [filch_blocking::EnterGuard => "--U--"],
            Pool: [filch_blocking::Pool => "SYU--"],
            PoolStats: [filch_blocking::PoolStats => "SYUWR"],
            PoolReport: [filch_blocking::PoolReport => "SYUWR"],
            Job: [filch_blocking::Job => "SYU--"],
            Unblock: [
                filch_blocking::Unblock<Local> => "SYU--",
                filch_blocking::Unblock<Movable> => "SYU--",
                filch_blocking::Unblock<Lent> => "SYU--",
            ],
            SubmitError: [filch_blocking::SubmitError => "SYU--"],
            UnblockError: [filch_blocking::UnblockError => "SYU--"],
        }
        "primitive": {
            ByteLock: [
                filch_primitive::ByteLock<Local> => "--UW-",
                filch_primitive::ByteLock<Movable> => "SYUW-",
                filch_primitive::ByteLock<Lent> => "--UW-",
            ],
            ByteLockGuard: [
                filch_primitive::ByteLockGuard<'static, Local> => "--U--",
                filch_primitive::ByteLockGuard<'static, Movable> => "S-U--",
                filch_primitive::ByteLockGuard<'static, Lent> => "--U--",
                filch_primitive::ByteLockGuard<'static, u8> => "SYU--",
            ],
            UnsafeCell: [
                filch_primitive::cell::UnsafeCell<Local> => "--UW-",
                filch_primitive::cell::UnsafeCell<Movable> => "S-UW-",
                filch_primitive::cell::UnsafeCell<Lent> => "--UW-",
            ],
            StaticCounter: [filch_primitive::sync::StaticCounter => "SYUWR"],
            Slice: [filch_primitive::slice::Slice => "SYUWR"],
            Phase: [filch_primitive::wait_list::Phase => "SYUWR"],
            Tag: [filch_primitive::wait_list::Tag => "--UWR"],
            WaitQueue: [
                filch_primitive::wait_list::WaitQueue<Local> => "--U--",
                filch_primitive::wait_list::WaitQueue<Movable> => "SYU--",
                filch_primitive::wait_list::WaitQueue<Lent> => "--U--",
            ],
            Locked: [
                filch_primitive::wait_list::Locked<'static, Local> => "--U--",
                filch_primitive::wait_list::Locked<'static, Movable> => "S-U--",
                filch_primitive::wait_list::Locked<'static, Lent> => "--U--",
                filch_primitive::wait_list::Locked<'static, u8> => "S-U--",
            ],
            Cursor: [filch_primitive::wait_list::Cursor<'static> => "--U--"],
            Step: [
                filch_primitive::wait_list::Step<Local> => "--UWR",
                filch_primitive::wait_list::Step<Movable> => "--UW-",
                filch_primitive::wait_list::Step<Lent> => "--UWR",
            ],
            Waiter: [
                filch_primitive::wait_list::Waiter<'static, Local> => "-----",
                filch_primitive::wait_list::Waiter<'static, Movable> => "SY---",
                filch_primitive::wait_list::Waiter<'static, Lent> => "-----",
            ],
            WakeBatch: [filch_primitive::WakeBatch => "SYUWR"],
        }
    }
}

#[test]
fn each_type_is_what_the_table_says() {
    let wrong: Vec<_> = table()
        .into_iter()
        .flat_map(|row| row.columns)
        .filter(|(_, said, is)| said != is)
        .map(|(of, said, is)| format!("{of} is {is}, not {said}"))
        .collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_parameters_are_what_they_are_meant_to_be() {
    let is = [letters!(Local), letters!(Movable), letters!(Lent), letters!(u8), letters!(*mut u8)];
    assert_eq!(is.each_ref().map(|letters| &letters[..2]), ["--", "S-", "-Y", "SY", "--"]);
}

/// Public in the sources and in no table, each for a reason.
const LEFT_OUT: [(&str, &str); 5] = [
    // What a sealed trait's methods speak of: nobody outside can name them.
    ("net", "Target"),
    ("net", "Addresses"),
    // What takes the standard library's place under a model checker.
    ("primitive", "LocalKey"),
    ("primitive", "OnceLock"),
    ("primitive", "Times"),
];

#[test]
fn every_public_type_is_in_the_table() {
    let mut expected = BTreeMap::new();
    let rows = table();
    for (package, name) in rows.iter().map(|row| (row.package, row.name)).chain(LEFT_OUT) {
        *expected.entry((package.to_owned(), name.to_owned())).or_insert(0) += 1;
    }
    let mut declared = BTreeMap::new();
    for package in ["executor", "net", "sync", "timer", "reactor", "blocking", "primitive"] {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
        for name in public_types(&sources) {
            *declared.entry((package.to_owned(), name)).or_insert(0) += 1;
        }
    }
    assert!(declared.len() > 80, "the sources are where they were");
    let missing: Vec<_> = declared.iter().filter(|(key, n)| expected.get(key) != Some(n)).collect();
    assert!(missing.is_empty(), "not in the table, or not as often as in the sources: {missing:?}");
    let gone: Vec<_> = expected.keys().filter(|key| !declared.contains_key(key)).collect();
    assert!(gone.is_empty(), "in the table and not in the sources: {gone:?}");
}

/// The names of all structs, enums and unions that are spelled `pub` below `folder`, except in what only tests and models have.
fn public_types(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        if ["tests", "testing", "model", "modelled"].contains(&stem.as_str()) {
            continue;
        }
        if path.is_dir() {
            names.extend(public_types(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("it can be read");
            names.extend(text.lines().filter_map(public_type));
        }
    }
    names
}

/// The name a line declares as a public type, if it does.
fn public_type(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let declared = ["struct ", "enum ", "union "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    Some(declared.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn futures_without_a_name_may_cross_threads_when_what_they_hold_may() {
    fn send<T: Send>(_: T) {}
    async fn everything(lock: std::sync::Arc<sync::Lock<Movable>>, permits: std::sync::Arc<sync::Semaphore>) {
        drop(lock.lock_owned().await);
        drop(permits.clone().acquire_owned().await);
        drop(permits.acquire_many_owned(2).await);
        let mut beat = time::interval(std::time::Duration::from_secs(1));
        beat.tick().await;
        let (mut sender, _receiver) = sync::oneshot::channel::<Movable>();
        sender.closed().await;
        let _stream = net::TcpStream::connect("127.0.0.1:1").await;
        let _udp = net::UdpSocket::bind("127.0.0.1:0").await;
        task::yield_now().await;
        task::as_completed([std::future::ready(Movable::new(1))]).next().await;
    }
    send(everything(std::sync::Arc::default(), std::sync::Arc::new(sync::Semaphore::new(0))));
}
