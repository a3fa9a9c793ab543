//! Which public types may cross threads, be moved after a poll, and be seen again after a panic: all of them, as a table.
//!
//! Wrong answers to the first question have been the commonest unsoundness of crates like these, and each change of an answer is a
//! promise made or broken. Letters say what a type is: `S` is `Send`, `Y` is `Sync`, `U` is `Unpin`, `W` is `UnwindSafe`, `R` is
//! `RefUnwindSafe`; a dash stands for no. A type with a parameter has three rows: with a parameter that is neither `Send` nor
//! `Sync` ([`Local`]), one that is `Send` alone ([`Movable`]), and one that is `Sync` alone ([`Lent`]). Where none of them may
//! cross, a fourth says that one which is both (`u8`) may.
//!
//! That no type is missing is read off the sources: whatever is spelled `pub` there can be reached from outside, or the compiler
//! complains.

use filch::sync::queue::Fifo;
use filch::{io, net, stream, sync, task, time};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::marker::PhantomData;
use std::net::{TcpStream as StdStream, UdpSocket as StdSocket};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

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
            CallHandle: [time::CallHandle => "SYUWR"],
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
            MoveGuard: [filch_timer::MoveGuard => "SYU--"],
            Idle: [filch_timer::Idle => "SYUWR"],
            Monotonic: [time::Monotonic => "SYUWR"],
            Boot: [time::Boot => "SYUWR"],
            Wall: [time::Wall => "SYUWR"],
            BootInstant: [time::BootInstant => "SYUWR"],
            RescheduleError: [time::RescheduleError => "SYUWR"],
            TimeoutHandle: [time::TimeoutHandle => "SYU--"],
            TimeoutWith: [
                time::TimeoutWith<Local> => "-----",
                time::TimeoutWith<Movable> => "S----",
                time::TimeoutWith<Lent> => "-Y---",
            ],
            MoveOn: [
                time::MoveOn<Local> => "-----",
                time::MoveOn<Movable> => "S----",
                time::MoveOn<Lent> => "-Y---",
            ],
            DelayQueue: [
                time::DelayQueue<Local> => "--U--",
                time::DelayQueue<Movable> => "S-U--",
                time::DelayQueue<Lent> => "-YU--",
            ],
            DelayKey: [time::DelayKey => "SYUWR"],
            Expired: [
                time::Expired<Local> => "--UWR",
                time::Expired<Movable> => "S-UW-",
                time::Expired<Lent> => "-YUWR",
            ],
            UnknownKey: [time::UnknownKey => "SYUWR"],
            StreamTimeout: [
                time::StreamTimeout<Local> => "-----",
                time::StreamTimeout<Movable> => "S----",
                time::StreamTimeout<Lent> => "-Y---",
            ],
            Throttle: [
                time::Throttle<Local> => "-----",
                time::Throttle<Movable> => "S----",
                time::Throttle<Lent> => "-Y---",
            ],
            ChunksTimeout: [
                time::ChunksTimeout<stream::Iter<std::vec::IntoIter<Local>>> => "-----",
                time::ChunksTimeout<stream::Iter<std::vec::IntoIter<Movable>>> => "S----",
                time::ChunksTimeout<stream::Iter<std::vec::IntoIter<Lent>>> => "-Y---",
            ],
            Debounce: [
                time::Debounce<stream::Iter<std::vec::IntoIter<Local>>> => "-----",
                time::Debounce<stream::Iter<std::vec::IntoIter<Movable>>> => "S----",
                time::Debounce<stream::Iter<std::vec::IntoIter<Lent>>> => "-Y---",
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
            OneshotStatistics: [sync::oneshot::OneshotStatistics => "SYUWR"],
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
            Holder: [sync::Holder => "SYUWR"],
            LockStatistics: [sync::LockStatistics => "SYUWR"],
            MappedLockGuard: [
                sync::MappedLockGuard<'static, Local> => "--U--",
                sync::MappedLockGuard<'static, Movable> => "S-U--",
                sync::MappedLockGuard<'static, Lent> => "-YU--",
                sync::MappedLockGuard<'static, u8> => "SYU--",
            ],
            OwnedMappedLockGuard: [
                sync::OwnedMappedLockGuard<Local, u8> => "--U--",
                sync::OwnedMappedLockGuard<Movable, u8> => "SYU--",
                sync::OwnedMappedLockGuard<Lent, u8> => "--U--",
                sync::OwnedMappedLockGuard<u8, Local> => "--U--",
                sync::OwnedMappedLockGuard<u8, Movable> => "S-U--",
                sync::OwnedMappedLockGuard<u8, Lent> => "-YU--",
                sync::OwnedMappedLockGuard<u8, u8> => "SYU--",
            ],
            RwLock: [
                sync::RwLock<Local> => "--U--",
                sync::RwLock<Movable> => "S-U--",
                sync::RwLock<Lent> => "--U--",
                sync::RwLock<u8> => "SYU--",
            ],
            RwLockRead: [
                sync::RwLockRead<'static, Local> => "-----",
                sync::RwLockRead<'static, Movable> => "-----",
                sync::RwLockRead<'static, Lent> => "-----",
                sync::RwLockRead<'static, u8> => "SY---",
            ],
            RwLockUpgradableRead: [
                sync::RwLockUpgradableRead<'static, Local> => "-----",
                sync::RwLockUpgradableRead<'static, Movable> => "-----",
                sync::RwLockUpgradableRead<'static, Lent> => "-----",
                sync::RwLockUpgradableRead<'static, u8> => "SY---",
            ],
            RwLockWrite: [
                sync::RwLockWrite<'static, Local> => "-----",
                sync::RwLockWrite<'static, Movable> => "-----",
                sync::RwLockWrite<'static, Lent> => "-----",
                sync::RwLockWrite<'static, u8> => "SY---",
            ],
            RwLockUpgrade: [
                sync::RwLockUpgrade<'static, Local> => "-----",
                sync::RwLockUpgrade<'static, Movable> => "-----",
                sync::RwLockUpgrade<'static, Lent> => "-----",
                sync::RwLockUpgrade<'static, u8> => "SY---",
            ],
            RwLockReadGuard: [
                sync::RwLockReadGuard<'static, Local> => "--U--",
                sync::RwLockReadGuard<'static, Movable> => "--U--",
                sync::RwLockReadGuard<'static, Lent> => "--U--",
                sync::RwLockReadGuard<'static, u8> => "SYU--",
            ],
            RwLockUpgradableReadGuard: [
                sync::RwLockUpgradableReadGuard<'static, Local> => "--U--",
                sync::RwLockUpgradableReadGuard<'static, Movable> => "--U--",
                sync::RwLockUpgradableReadGuard<'static, Lent> => "--U--",
                sync::RwLockUpgradableReadGuard<'static, u8> => "SYU--",
            ],
            RwLockWriteGuard: [
                sync::RwLockWriteGuard<'static, Local> => "--U--",
                sync::RwLockWriteGuard<'static, Movable> => "--U--",
                sync::RwLockWriteGuard<'static, Lent> => "--U--",
                sync::RwLockWriteGuard<'static, u8> => "SYU--",
            ],
            MappedRwLockReadGuard: [
                sync::MappedRwLockReadGuard<'static, Local> => "--U--",
                sync::MappedRwLockReadGuard<'static, Movable> => "--U--",
                sync::MappedRwLockReadGuard<'static, Lent> => "SYU--",
                sync::MappedRwLockReadGuard<'static, u8> => "SYU--",
            ],
            MappedRwLockWriteGuard: [
                sync::MappedRwLockWriteGuard<'static, Local> => "--U--",
                sync::MappedRwLockWriteGuard<'static, Movable> => "S-U--",
                sync::MappedRwLockWriteGuard<'static, Lent> => "-YU--",
                sync::MappedRwLockWriteGuard<'static, u8> => "SYU--",
            ],
            OwnedRwLockReadGuard: [
                sync::OwnedRwLockReadGuard<Local> => "--U--",
                sync::OwnedRwLockReadGuard<Movable> => "--U--",
                sync::OwnedRwLockReadGuard<Lent> => "--U--",
                sync::OwnedRwLockReadGuard<u8> => "SYU--",
            ],
            OwnedRwLockUpgradableReadGuard: [
                sync::OwnedRwLockUpgradableReadGuard<Local> => "--U--",
                sync::OwnedRwLockUpgradableReadGuard<Movable> => "--U--",
                sync::OwnedRwLockUpgradableReadGuard<Lent> => "--U--",
                sync::OwnedRwLockUpgradableReadGuard<u8> => "SYU--",
            ],
            OwnedRwLockWriteGuard: [
                sync::OwnedRwLockWriteGuard<Local> => "--U--",
                sync::OwnedRwLockWriteGuard<Movable> => "--U--",
                sync::OwnedRwLockWriteGuard<Lent> => "--U--",
                sync::OwnedRwLockWriteGuard<u8> => "SYU--",
            ],
            RwLockStatistics: [sync::RwLockStatistics => "SYUWR"],
            SemaphoreStatistics: [sync::SemaphoreStatistics => "SYUWR"],
            TooManyPermits: [sync::TooManyPermits => "SYUWR"],
            CapacityLimiter: [sync::CapacityLimiter => "SYU--"],
            CapacityLimiterStatistics: [sync::CapacityLimiterStatistics => "SYUWR"],
            AcquireToken: [sync::AcquireToken<'static> => "SY---"],
            CapacityToken: [sync::CapacityToken<'static> => "SYU--"],
            Borrower: [sync::Borrower => "SYUWR"],
            AlreadyBorrowed: [sync::AlreadyBorrowed => "SYUWR"],
            NotBorrowed: [sync::NotBorrowed => "SYUWR"],
            TryAcquireTokenError: [sync::TryAcquireTokenError => "SYUWR"],
            EventStatistics: [sync::EventStatistics => "SYUWR"],
            Notify: [sync::Notify => "SYU--"],
            Notified: [sync::Notified<'static> => "SY---"],
            NotifyStatistics: [sync::NotifyStatistics => "SYUWR"],
            Condition: [sync::Condition => "SYU--"],
            ConditionStatistics: [sync::ConditionStatistics => "SYUWR"],
            Latch: [sync::Latch => "SYU--"],
            LatchWait: [sync::LatchWait<'static> => "SY---"],
            LatchStatistics: [sync::LatchStatistics => "SYUWR"],
            ArriveError: [sync::ArriveError => "SYUWR"],
            WaitGroup: [sync::WaitGroup => "SYU--"],
            WaitGroupWorker: [sync::WaitGroupWorker => "SYU--"],
            WaitGroupWait: [sync::WaitGroupWait<'static> => "SY---"],
            WaitGroupStatistics: [sync::WaitGroupStatistics => "SYUWR"],
            Barrier: [sync::Barrier => "SYU--"],
            BarrierWait: [sync::BarrierWait<'static> => "SY---"],
            BarrierWaitResult: [sync::BarrierWaitResult => "SYUWR"],
            BarrierStatistics: [sync::BarrierStatistics => "SYUWR"],
            BrokenBarrier: [sync::BrokenBarrier => "SYUWR"],
            SetOnce: [
                sync::SetOnce<Local> => "--U--",
                sync::SetOnce<Movable> => "S-U--",
                sync::SetOnce<Lent> => "--U--",
                sync::SetOnce<u8> => "SYU--",
            ],
            SetOnceWait: [
                sync::SetOnceWait<'static, Local> => "-----",
                sync::SetOnceWait<'static, Movable> => "-----",
                sync::SetOnceWait<'static, Lent> => "-----",
                sync::SetOnceWait<'static, u8> => "SY---",
            ],
            SetOnceStatistics: [sync::SetOnceStatistics => "SYUWR"],
            SetOnceError: [
                sync::SetOnceError<Local> => "--UWR",
                sync::SetOnceError<Movable> => "S-UW-",
                sync::SetOnceError<Lent> => "-YUWR",
            ],
            OnceCell: [
                sync::OnceCell<Local> => "--U--",
                sync::OnceCell<Movable> => "S-U--",
                sync::OnceCell<Lent> => "--U--",
                sync::OnceCell<u8> => "SYU--",
            ],
            OnceCellStatistics: [sync::OnceCellStatistics => "SYUWR"],
            OnceCellError: [
                sync::OnceCellError<Local> => "--UWR",
                sync::OnceCellError<Movable> => "S-UW-",
                sync::OnceCellError<Lent> => "-YUWR",
            ],
            LazyLock: [
                sync::LazyLock<Local> => "--U--",
                sync::LazyLock<Movable> => "S-U--",
                sync::LazyLock<Lent> => "--U--",
                sync::LazyLock<u8> => "SYU--",
            ],
            LazyForce: [
                sync::LazyForce<'static, Local, fn() -> sync::LazyFuture<Local>> => "-----",
                sync::LazyForce<'static, Movable, fn() -> sync::LazyFuture<Movable>> => "-----",
                sync::LazyForce<'static, Lent, fn() -> sync::LazyFuture<Lent>> => "-----",
                sync::LazyForce<'static, u8, fn() -> sync::LazyFuture<u8>> => "SY---",
            ],
            LazyLockStatistics: [sync::LazyLockStatistics => "SYUWR"],
            WeakSender: [
                sync::channel::WeakSender<Local> => "--U--",
                sync::channel::WeakSender<Movable> => "SYU--",
                sync::channel::WeakSender<Lent> => "--U--",
            ],
            WeakReceiver: [
                sync::channel::WeakReceiver<Local> => "--U--",
                sync::channel::WeakReceiver<Movable> => "SYU--",
                sync::channel::WeakReceiver<Lent> => "--U--",
            ],
            OwnedPermit: [
                sync::channel::OwnedPermit<Local> => "--U--",
                sync::channel::OwnedPermit<Movable> => "SYU--",
                sync::channel::OwnedPermit<Lent> => "--U--",
            ],
            SendSink: [
                sync::channel::SendSink<Local> => "--U--",
                sync::channel::SendSink<Movable> => "SYU--",
                sync::channel::SendSink<Lent> => "--U--",
            ],
            IntoIter: [
                sync::channel::IntoIter<Local> => "--U--",
                sync::channel::IntoIter<Movable> => "SYU--",
                sync::channel::IntoIter<Lent> => "--U--",
            ],
            RecvManyFuture: [
                sync::channel::RecvManyFuture<'static, Local> => "-----",
                sync::channel::RecvManyFuture<'static, Movable> => "S----",
                sync::channel::RecvManyFuture<'static, Lent> => "-----",
            ],
            ReserveFuture: [
                sync::channel::ReserveFuture<'static, Local> => "-----",
                sync::channel::ReserveFuture<'static, Movable> => "SY---",
                sync::channel::ReserveFuture<'static, Lent> => "-----",
            ],
            ReserveManyFuture: [
                sync::channel::ReserveManyFuture<'static, Local> => "-----",
                sync::channel::ReserveManyFuture<'static, Movable> => "SY---",
                sync::channel::ReserveManyFuture<'static, Lent> => "-----",
            ],
            Permit: [
                sync::channel::Permit<'static, Local> => "--U--",
                sync::channel::Permit<'static, Movable> => "SYU--",
                sync::channel::Permit<'static, Lent> => "--U--",
            ],
            Permits: [
                sync::channel::Permits<'static, Local> => "--U--",
                sync::channel::Permits<'static, Movable> => "SYU--",
                sync::channel::Permits<'static, Lent> => "--U--",
            ],
            Closed: [
                sync::channel::Closed<'static, Local> => "-----",
                sync::channel::Closed<'static, Movable> => "SY---",
                sync::channel::Closed<'static, Lent> => "-----",
            ],
            TryIter: [
                sync::channel::TryIter<'static, Local> => "--U--",
                sync::channel::TryIter<'static, Movable> => "SYU--",
                sync::channel::TryIter<'static, Lent> => "--U--",
            ],
            Iter: [
                sync::channel::Iter<'static, Local> => "--U--",
                sync::channel::Iter<'static, Movable> => "SYU--",
                sync::channel::Iter<'static, Lent> => "--U--",
            ],
            ReserveError: [sync::channel::ReserveError => "SYUWR"],
            TryReserveError: [sync::channel::TryReserveError => "SYUWR"],
            ChannelStatistics: [sync::channel::ChannelStatistics => "SYUWR"],
            Sender: [
                sync::broadcast::Sender<Local> => "--U--",
                sync::broadcast::Sender<Movable> => "--U--",
                sync::broadcast::Sender<Lent> => "--U--",
                sync::broadcast::Sender<u8> => "SYU--",
            ],
            WeakSender: [
                sync::broadcast::WeakSender<Local> => "--U--",
                sync::broadcast::WeakSender<Movable> => "--U--",
                sync::broadcast::WeakSender<Lent> => "--U--",
                sync::broadcast::WeakSender<u8> => "SYU--",
            ],
            Receiver: [
                sync::broadcast::Receiver<Local> => "--U--",
                sync::broadcast::Receiver<Movable> => "--U--",
                sync::broadcast::Receiver<Lent> => "--U--",
                sync::broadcast::Receiver<u8> => "SYU--",
            ],
            SendSink: [
                sync::broadcast::SendSink<Local> => "--U--",
                sync::broadcast::SendSink<Movable> => "--U--",
                sync::broadcast::SendSink<Lent> => "--U--",
                sync::broadcast::SendSink<u8> => "SYU--",
            ],
            SendFuture: [
                sync::broadcast::SendFuture<'static, Local> => "-----",
                sync::broadcast::SendFuture<'static, Movable> => "-----",
                sync::broadcast::SendFuture<'static, Lent> => "-----",
                sync::broadcast::SendFuture<'static, u8> => "SY---",
            ],
            RecvFuture: [
                sync::broadcast::RecvFuture<'static, Local> => "-----",
                sync::broadcast::RecvFuture<'static, Movable> => "-----",
                sync::broadcast::RecvFuture<'static, Lent> => "-----",
                sync::broadcast::RecvFuture<'static, u8> => "SY---",
            ],
            ClosedFuture: [
                sync::broadcast::ClosedFuture<'static, Local> => "-----",
                sync::broadcast::ClosedFuture<'static, Movable> => "-----",
                sync::broadcast::ClosedFuture<'static, Lent> => "-----",
                sync::broadcast::ClosedFuture<'static, u8> => "SY---",
            ],
            SendError: [
                sync::broadcast::SendError<Local> => "--UWR",
                sync::broadcast::SendError<Movable> => "S-UW-",
                sync::broadcast::SendError<Lent> => "-YUWR",
            ],
            TrySendError: [
                sync::broadcast::TrySendError<Local> => "--UWR",
                sync::broadcast::TrySendError<Movable> => "S-UW-",
                sync::broadcast::TrySendError<Lent> => "-YUWR",
            ],
            RecvError: [sync::broadcast::RecvError => "SYUWR"],
            TryRecvError: [sync::broadcast::TryRecvError => "SYUWR"],
            Lagged: [sync::broadcast::Lagged => "SYUWR"],
            BroadcastStatistics: [sync::broadcast::BroadcastStatistics => "SYUWR"],
            Sender: [
                sync::watch::Sender<Local> => "--U--",
                sync::watch::Sender<Movable> => "--U--",
                sync::watch::Sender<Lent> => "--U--",
                sync::watch::Sender<u8> => "SYU--",
            ],
            Receiver: [
                sync::watch::Receiver<Local> => "--U--",
                sync::watch::Receiver<Movable> => "--U--",
                sync::watch::Receiver<Lent> => "--U--",
                sync::watch::Receiver<u8> => "SYU--",
            ],
            ChangedFuture: [
                sync::watch::ChangedFuture<'static, Local> => "-----",
                sync::watch::ChangedFuture<'static, Movable> => "-----",
                sync::watch::ChangedFuture<'static, Lent> => "-----",
                sync::watch::ChangedFuture<'static, u8> => "SY---",
            ],
            ClosedFuture: [
                sync::watch::ClosedFuture<'static, Local> => "-----",
                sync::watch::ClosedFuture<'static, Movable> => "-----",
                sync::watch::ClosedFuture<'static, Lent> => "-----",
                sync::watch::ClosedFuture<'static, u8> => "SY---",
            ],
            Ref: [
                sync::watch::Ref<'static, Local> => "--U--",
                sync::watch::Ref<'static, Movable> => "--U--",
                sync::watch::Ref<'static, Lent> => "-YU--",
                sync::watch::Ref<'static, u8> => "-YU--",
            ],
            SendError: [
                sync::watch::SendError<Local> => "--UWR",
                sync::watch::SendError<Movable> => "S-UW-",
                sync::watch::SendError<Lent> => "-YUWR",
            ],
            RecvError: [sync::watch::RecvError => "SYUWR"],
            WatchStatistics: [sync::watch::WatchStatistics => "SYUWR"],
            RawQueue: [
                sync::Queue<Local> => "--U--",
                sync::Queue<Movable> => "SYU--",
                sync::Queue<Lent> => "--U--",
                sync::LifoQueue<Local> => "--U--",
                sync::LifoQueue<Movable> => "SYU--",
                sync::LifoQueue<Lent> => "--U--",
                sync::PriorityQueue<Local> => "--U--",
                sync::PriorityQueue<u8> => "SYU--",
            ],
            Get: [
                sync::queue::Get<'static, Local, Fifo> => "-----",
                sync::queue::Get<'static, Movable, Fifo> => "SY---",
                sync::queue::Get<'static, Lent, Fifo> => "-----",
            ],
            Put: [
                sync::queue::Put<'static, Local, Fifo> => "-----",
                sync::queue::Put<'static, Movable, Fifo> => "S----",
                sync::queue::Put<'static, Lent, Fifo> => "-----",
            ],
            GetTask: [
                sync::queue::GetTask<'static, Local, Fifo> => "-----",
                sync::queue::GetTask<'static, Movable, Fifo> => "SY---",
                sync::queue::GetTask<'static, Lent, Fifo> => "-----",
            ],
            TaskGuard: [
                sync::queue::TaskGuard<'static, Local, Fifo> => "--U--",
                sync::queue::TaskGuard<'static, Movable, Fifo> => "S-U--",
                sync::queue::TaskGuard<'static, Lent, Fifo> => "--U--",
            ],
            Join: [
                sync::queue::Join<'static, Local, Fifo> => "-----",
                sync::queue::Join<'static, Movable, Fifo> => "SY---",
                sync::queue::Join<'static, Lent, Fifo> => "-----",
            ],
            QueueStream: [
                sync::queue::QueueStream<'static, Local, Fifo> => "--U--",
                sync::queue::QueueStream<'static, Movable, Fifo> => "SYU--",
                sync::queue::QueueStream<'static, Lent, Fifo> => "--U--",
            ],
            QueueSink: [
                sync::queue::QueueSink<'static, Local, Fifo> => "--U--",
                sync::queue::QueueSink<'static, Movable, Fifo> => "S-U--",
                sync::queue::QueueSink<'static, Lent, Fifo> => "--U--",
            ],
            PutError: [
                sync::queue::PutError<Local> => "--UWR",
                sync::queue::PutError<Movable> => "S-UW-",
                sync::queue::PutError<Lent> => "-YUWR",
            ],
            TryPutError: [
                sync::queue::TryPutError<Local> => "--UWR",
                sync::queue::TryPutError<Movable> => "S-UW-",
                sync::queue::TryPutError<Lent> => "-YUWR",
            ],
            GetError: [sync::queue::GetError => "SYUWR"],
            TryGetError: [sync::queue::TryGetError => "SYUWR"],
            TooManyDone: [sync::queue::TooManyDone => "SYUWR"],
            QueueStatistics: [sync::queue::QueueStatistics => "SYUWR"],
            Fifo: [sync::queue::Fifo => "SYUWR"],
            Lifo: [sync::queue::Lifo => "SYUWR"],
            Smallest: [sync::queue::Smallest => "SYUWR"],
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
            KernelClock: [filch_primitive::KernelClock => "SYUWR"],
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
const LEFT_OUT: [(&str, &str); 6] = [
    // What a sealed trait's methods speak of: nobody outside can name them.
    ("net", "Target"),
    ("net", "Addresses"),
    // Where the items of a queue lie, which only the sealed trait of its order names.
    ("sync", "Heap"),
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
    async fn turns(
        lock: Arc<sync::Lock<Movable>>,
        permits: Arc<sync::Semaphore>,
        book: Arc<sync::RwLock<u8>>,
    ) {
        let mut guard = lock.clone().lock_owned().await;
        let condition = sync::Condition::new();
        guard = condition.wait_owned(guard).await;
        drop(condition.wait_for_owned(guard, |value| value.get() > 0).await);
        drop(condition.wait_for(lock.lock().await, |value| value.get() > 0).await);
        drop(permits.clone().acquire_owned().await);
        drop(permits.acquire_many_owned(2).await);
        drop(book.clone().read_owned().await);
        let reading = book.clone().upgradable_read_owned().await;
        drop(sync::OwnedRwLockUpgradableReadGuard::upgrade(reading).await);
        drop(book.write_owned().await);
    }
    async fn tidings() {
        Arc::new(sync::Event::new()).wait_owned().await;
        Arc::new(sync::Notify::new()).notified_owned().await;
        let cell = sync::OnceCell::new();
        cell.get_or_init(async || 1).await;
        let _made = cell.get_or_try_init(async || Err("no")).await;
        let (mut sender, _receiver) = sync::oneshot::channel::<Movable>();
        sender.closed().await;
        let (sender, _receiver) = sync::channel::bounded::<Movable>(1);
        let _permit = sender.reserve_owned().await;
        let (_sender, mut receiver) = sync::watch::channel(0_u8);
        drop(receiver.wait_for(|value| *value > 0).await);
    }
    async fn rest() {
        time::interval(Duration::from_secs(1)).tick().await;
        time::DelayQueue::<Movable>::new().next().await;
        time::advance(Duration::from_secs(1)).await;
        let _stream = net::TcpStream::connect("127.0.0.1:1").await;
        let _udp = net::UdpSocket::bind("127.0.0.1:0").await;
        task::yield_now().await;
        task::as_completed([std::future::ready(Movable::new(1))]).next().await;
    }
    send(turns(Arc::default(), Arc::new(sync::Semaphore::new(0)), Arc::default()));
    send(tidings());
    send(rest());
}
