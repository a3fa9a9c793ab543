//! What comes out of a task that panics, and where.

use super::{Drops, Queue, take};
use crate::task::report::TOLD;
use crate::task::{AbortHandle, Id, JoinError, JoinHandle, Ran, YieldNow, current};
use std::any::Any;
use std::future::{pending, poll_fn};
use std::panic::{RefUnwindSafe, UnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::{fmt, io};

/// Panics without the hook's message.
fn throw(message: &'static str) -> ! {
    resume_unwind(Box::new(message))
}

#[test]
fn an_error_names_the_task_and_what_it_said() {
    let queue = Queue::new();
    let line = line!() + 1;
    let (task, mut handle) = queue.cell_named(async { throw("no voice") }, Some("greeter"));
    assert_eq!((task.name(), task.location().line()), (Some("greeter"), line));
    let id = task.id();
    assert!(matches!(task.run(), Ran::Done));
    let result: Result<(), JoinError> = take(&mut handle);
    let error = result.unwrap_err();
    assert!(error.is_panic() && !error.is_aborted());
    assert_eq!((error.id(), error.task_name(), error.spawned_at().line()), (id, Some("greeter"), line));
    let place = format!("{}:{line}:", file!());
    let shown = error.to_string();
    assert!(shown.starts_with("task 'greeter' spawned at ") && shown.contains(&place), "{shown}");
    assert!(shown.ends_with(" panicked: no voice"), "{shown}");
    assert!(format!("{error:?}").contains("no voice"));
    let thrown: Box<dyn Any + Send> = error.into_panic();
    assert_eq!(thrown.downcast_ref(), Some(&"no voice"));
    assert_eq!(handle.name(), Some("greeter"), "the handle still knows");
}

#[test]
fn an_aborted_task_says_so() {
    let queue = Queue::new();
    let mut handle = queue.spawn(pending::<()>());
    handle.abort();
    queue.run_all();
    let error = take(&mut handle).unwrap_err();
    assert!(error.is_aborted() && !error.is_panic());
    assert!(error.to_string().ends_with("was aborted"), "{error}");
    let error = error.try_into_panic().unwrap_err();
    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::Other);
    assert!(error.get_ref().unwrap().is::<JoinError>());
}

#[test]
#[should_panic(expected = "a task that did not panic")]
fn an_abort_has_no_payload() {
    let queue = Queue::new();
    let mut handle = queue.spawn(pending::<()>());
    handle.abort();
    queue.run_all();
    let _ = take(&mut handle).unwrap_err().into_panic();
}

#[test]
fn strings_and_other_payloads_are_shown() {
    let queue = Queue::new();
    let mut handle: JoinHandle<()> = queue.spawn(async { resume_unwind(Box::new(format!("{} apples", 3))) });
    queue.run_all();
    assert!(take(&mut handle).unwrap_err().to_string().ends_with("panicked: 3 apples"));
    let mut handle: JoinHandle<()> = queue.spawn(async { resume_unwind(Box::new(3_u8)) });
    queue.run_all();
    assert!(take(&mut handle).unwrap_err().to_string().ends_with("not a string"));
}

#[test]
fn a_panic_nobody_hears_is_told_once_whenever_the_handle_goes() {
    let queue = Queue::new();
    TOLD.with_borrow_mut(Vec::clear);
    let spawn = |name| {
        let (task, handle) = queue.cell_named(async { throw("alone") }, Some(name));
        let handle: JoinHandle<()> = handle;
        (task, handle)
    };
    let (task, handle) = spawn("before");
    handle.detach();
    assert!(matches!(task.run(), Ran::Done));
    let (task, handle) = spawn("after");
    assert!(matches!(task.run(), Ran::Done));
    drop(handle);
    let told = TOLD.with_borrow_mut(std::mem::take);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("task 'before' spawned at ") && told[0].contains(file!()), "{told:?}");
    assert!(told[1].contains("'after'") && told[1].ends_with("alone"), "{told:?}");
}

#[test]
fn an_output_that_panics_when_dropped_is_told_and_harms_nobody() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            throw("bad output");
        }
    }
    let queue = Queue::new();
    TOLD.with_borrow_mut(Vec::clear);
    queue.spawn(async { Bad }).detach();
    let unread = queue.spawn(async { Bad });
    queue.run_all();
    drop(unread);
    let told = TOLD.with_borrow_mut(std::mem::take);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.contains("while its output was dropped")), "{told:?}");
    assert_eq!(queue.live(), 0);
}

#[test]
fn a_destructor_that_panics_on_abort_comes_out_of_the_handle() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            throw("bad future");
        }
    }
    let queue = Queue::new();
    let bad = Bad;
    let mut handle = queue.spawn(async move {
        let _bad = &bad;
        pending::<()>().await;
    });
    queue.run_all();
    handle.abort();
    queue.run_all();
    let thrown = take(&mut handle).unwrap_err().into_panic();
    assert_eq!(thrown.downcast_ref(), Some(&"bad future"));
}

#[test]
fn a_destructor_may_wake_abort_spawn_and_ask_who_it_is() {
    struct Busy {
        queue: Arc<Queue>,
        waker: Option<Waker>,
        abort: Arc<Mutex<Option<AbortHandle>>>,
        seen: Arc<Mutex<Option<Id>>>,
    }
    impl Drop for Busy {
        fn drop(&mut self) {
            let waker = self.waker.take().unwrap();
            waker.wake_by_ref();
            self.abort.lock().unwrap().take().unwrap().abort();
            *self.seen.lock().unwrap() = current();
            self.queue.spawn(async {}).detach();
            waker.wake();
        }
    }
    let queue = Queue::new();
    let (abort, seen) = (Arc::default(), Arc::default());
    let mut busy = Busy { queue: queue.clone(), waker: None, abort, seen };
    let (abort, seen) = (busy.abort.clone(), busy.seen.clone());
    let mut handle = queue.spawn(poll_fn(move |cx| {
        // All of it moves in.
        let busy = &mut busy;
        busy.waker = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    *abort.lock().unwrap() = Some(handle.abort_handle());
    queue.run_all();
    handle.abort();
    queue.run_all();
    assert!(take(&mut handle).unwrap_err().is_aborted());
    assert_eq!(*seen.lock().unwrap(), Some(handle.id()));
    drop(handle);
    assert_eq!(queue.live(), 0);
}

#[test]
fn a_forgotten_run_right_resolves_the_handle_and_never_touches_the_future() {
    // Reachable for ever, as what is leaked on purpose should be.
    static LEAKED: Mutex<Vec<Arc<Queue>>> = Mutex::new(Vec::new());
    let queue = Queue::new();
    LEAKED.lock().unwrap().push(queue.clone());
    let drops = Drops::default();
    let guard = drops.guard();
    let (task, mut handle) = queue.cell(async move {
        let _guard = guard;
    });
    let (count, waker) = super::Count::new();
    assert!(super::poll(&mut handle, &waker).is_pending());
    task.forget();
    assert_eq!(count.get(), 1);
    assert!(take(&mut handle).unwrap_err().is_aborted());
    drop(handle);
    assert_eq!((drops.get(), queue.live()), (0, 1), "the memory is never used again");
}

#[test]
fn who_may_go_where() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn sendable<T: Send + Sync>() {}
    fn shown<T: fmt::Debug>() {}
    anywhere::<JoinHandle<Box<dyn FnMut() + Send>>>();
    anywhere::<AbortHandle>();
    anywhere::<Id>();
    anywhere::<YieldNow>();
    sendable::<JoinError>();
    shown::<JoinHandle<fn()>>();
    shown::<AbortHandle>();
}
