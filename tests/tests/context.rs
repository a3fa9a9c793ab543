//! Promise 1: no context panics. Spawning, timers and sockets work from any thread, under any executor.
//!
//! Here is every place where another runtime would say that there is no reactor running.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::time::{sleep, timeout};
use filch::{Handle, Runtime};
use filch_tests::{PATIENCE, Watchdog, wait_until};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The least an executor can be.
mod foreign {
    use super::*;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    pub(super) fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Uses one of everything.
async fn one_of_everything() -> io::Result<u32> {
    let spawned = filch::spawn(async { 20 });
    let offloaded = filch::spawn_blocking(|| 1);
    let begin = Instant::now();
    sleep(Duration::from_millis(1)).await;
    assert!(begin.elapsed() >= Duration::from_millis(1));
    assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = filch::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        io::Result::Ok(bytes.len() as u32)
    });
    let mut client = TcpStream::connect(address).await?;
    client.write_all(&[7; 21]).await?;
    client.close().await?;
    drop(client);
    Ok(spawned.await? + offloaded.await? + server.await??)
}

#[test]
fn a_plain_thread_spawns_and_waits_without_any_runtime_around() {
    let _watchdog = Watchdog::usual();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(|| filch::spawn(async move { sender.send(one_of_everything().await) }).detach())
        .join()
        .expect("spawning on a plain thread does not panic");
    assert_eq!(receiver.recv_timeout(PATIENCE).expect("it runs by itself").expect("it works"), 42);
}

#[test]
fn everything_works_under_a_hand_written_executor() {
    let _watchdog = Watchdog::usual();
    assert_eq!(foreign::block_on(one_of_everything()).expect("it works"), 42);
}

#[test]
fn everything_works_under_another_crates_executor() {
    let _watchdog = Watchdog::usual();
    assert_eq!(futures_lite::future::block_on(one_of_everything()).expect("it works"), 42);
}

#[test]
fn everything_works_in_block_on_in_tasks_and_in_local_tasks() {
    let _watchdog = Watchdog::usual();
    assert_eq!(filch::block_on(one_of_everything()).expect("it works"), 42);
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let task = runtime.spawn(one_of_everything());
    assert_eq!(runtime.block_on(task).expect("no panic").expect("it works"), 42);
    let local = runtime.block_on(async { filch::spawn_local(one_of_everything()).await });
    assert_eq!(local.expect("no panic").expect("it works"), 42);
}

#[test]
fn everything_works_on_a_blocking_thread() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let foreign = runtime.spawn_blocking(|| foreign::block_on(one_of_everything()));
    let own = runtime.spawn_blocking(|| filch::block_on(one_of_everything()));
    assert_eq!(runtime.block_on(foreign).expect("no panic").expect("it works"), 42);
    assert_eq!(runtime.block_on(own).expect("no panic").expect("it works"), 42);
}

#[test]
fn a_foreign_executor_inside_a_task_works_too() {
    let _watchdog = Watchdog::usual();
    // One worker, which the foreign executor blocks: somebody else must run the tasks it waits for.
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let task = runtime.spawn(async { foreign::block_on(one_of_everything()) });
    assert_eq!(runtime.block_on(task).expect("no panic").expect("it works"), 42);
}

#[test]
fn what_a_task_spawns_lands_on_its_own_runtime() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).thread_name("ctx-own").build().expect("a runtime");
    let name = || thread::current().name().map(str::to_owned);
    let outer = runtime.spawn(async move {
        let inner = filch::spawn(async move { name() }).await.expect("no panic");
        let blocking = filch::spawn_blocking(name).await.expect("no panic");
        (name(), inner, blocking)
    });
    wait_until("the tasks have run", || outer.is_finished());
    let (outer, inner, blocking) = futures_lite::future::block_on(outer).expect("no panic");
    // The worker's, or a spare's should the worker have looked stuck.
    assert!(outer.expect("it has a name").starts_with("ctx-own-"));
    assert!(inner.expect("it has a name").starts_with("ctx-own-"));
    assert!(blocking.expect("it has a name").starts_with("ctx-own-blocking"));
}

#[test]
fn a_thread_has_a_current_runtime_only_while_it_belongs_to_one() {
    let _watchdog = Watchdog::usual();
    assert!(Handle::try_current().is_none());
    let runtime = Runtime::builder().worker_threads(3).build().expect("a runtime");
    runtime.block_on(async {
        assert_eq!(Handle::current().worker_threads(), 3);
        let inner = Runtime::builder().worker_threads(2).build().expect("a runtime");
        inner.block_on(async { assert_eq!(Handle::current().worker_threads(), 2) });
        assert_eq!(
            Handle::current().worker_threads(),
            3,
            "leaving the inner one is coming back to the outer one"
        );
    });
    assert!(Handle::try_current().is_none());
}

#[test]
fn a_panic_out_of_block_on_leaves_no_runtime_behind() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async { panic!("on purpose: out of block_on") })
    }));
    assert!(panicked.is_err());
    assert!(Handle::try_current().is_none());
    assert_eq!(runtime.block_on(one_of_everything()).expect("it goes on"), 42);
}

/// Does something when its thread ends.
struct AtExit(Option<Box<dyn FnOnce()>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

thread_local! {
    static FIRST: RefCell<AtExit> = const { RefCell::new(AtExit(None)) };
    static LAST: RefCell<AtExit> = const { RefCell::new(AtExit(None)) };
}

/// Sets `deed` to be done while the thread's locals are being destroyed, after or before those of filch.
fn at_exit(key: &'static std::thread::LocalKey<RefCell<AtExit>>, deed: impl FnOnce() + 'static) {
    key.with_borrow_mut(|exit| exit.0 = Some(Box::new(deed)));
}

#[test]
fn a_dying_thread_may_use_everything() {
    let _watchdog = Watchdog::usual();
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let deed = |sender: mpsc::Sender<u32>| {
            move || {
                let spawned = filch::spawn(one_of_everything());
                let foreign = foreign::block_on(one_of_everything()).expect("it works");
                let own = filch::block_on(one_of_everything()).expect("it works");
                let spawned = filch::block_on(spawned).expect("no panic").expect("it works");
                sender.send(foreign + own + spawned).expect("the test listens");
            }
        };
        // Registered before filch's own locals, so destroyed after them; and the other way round.
        at_exit(&FIRST, deed(sender.clone()));
        assert_eq!(filch::block_on(one_of_everything()).expect("it works"), 42);
        filch::block_on(async { filch::spawn_local(async {}).await }).expect("no panic");
        at_exit(&LAST, deed(sender));
    });
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(126));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(126));
    thread.join().expect("it died in peace");
}

#[test]
fn a_dying_worker_may_use_everything() {
    let _watchdog = Watchdog::usual();
    let (sender, receiver) = mpsc::channel();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let ready = runtime.spawn(async move {
        at_exit(&FIRST, move || {
            // Its own runtime is ending, so it is the default one that serves.
            let spawned = filch::spawn(async { 40 });
            let works = foreign::block_on(async {
                sleep(Duration::from_millis(1)).await;
                2 + spawned.await.expect("the default runtime takes it")
            });
            sender.send(works).expect("the test listens");
            sender.send(filch::block_on(one_of_everything()).expect("it works")).expect("the test listens");
        });
    });
    futures_lite::future::block_on(ready).expect("no panic");
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(42));
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(42));
}

#[test]
fn a_wake_from_a_dying_thread_arrives() {
    let _watchdog = Watchdog::usual();
    let (waker_sender, waker_receiver) = mpsc::channel::<Waker>();
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let task = filch::spawn(std::future::poll_fn(move |cx| {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            waker_sender.send(cx.waker().clone()).expect("the test listens");
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    let waker = waker_receiver.recv_timeout(PATIENCE).expect("the task begins");
    thread::spawn(move || at_exit(&FIRST, move || waker.wake())).join().expect("it died in peace");
    futures_lite::future::block_on(task).expect("no panic");
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_panic_hook_may_spawn() {
    let _watchdog = Watchdog::usual();
    // The hook is the whole process's: it does its deed for this test's panic only, and passes all on.
    let spawned = Arc::new(Mutex::new(None));
    let (keep, before) = (spawned.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() == Some("on purpose: spawn in the hook") {
            *keep.lock().expect("not poisoned") = Some(filch::spawn(async { 42 }));
        } else {
            before(info);
        }
    }));
    let panicked = filch::block_on(filch::spawn(async { panic!("on purpose: spawn in the hook") }));
    assert!(panicked.expect_err("it panicked").is_panic());
    let spawned = spawned.lock().expect("not poisoned").take().expect("the hook was called");
    assert_eq!(filch::block_on(spawned).expect("no panic"), 42);
}
