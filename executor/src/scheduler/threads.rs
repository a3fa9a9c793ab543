//! The threads of a scheduler: started, counted, waited for.

use super::policy;
use super::shared::Shared;
use super::{sentinel, worker};
use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread::{self, Builder, JoinHandle};
use filch_primitive::time;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A hook that is called on a thread.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

/// A hook that is called with the whole life of a thread, and runs it.
pub(crate) type WrapHook = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// How threads are made, and what the user wants done on them.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) name: Arc<str>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    pub(crate) wrap: Option<WrapHook>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("name", &self.name)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}

impl Hooks {
    /// Runs a thread's `body` with the user's hooks around it. A hook that panics is contained; one that wraps
    /// and does not run what it is given does not get away with it.
    pub(crate) fn run(&self, body: impl FnOnce()) {
        let mut body = Some(body);
        let mut run = || {
            if let Some(body) = body.take() {
                contained(self.on_start.as_deref());
                body();
                contained(self.on_stop.as_deref());
            }
        };
        if let Some(wrap) = &self.wrap {
            let _printed = catch_unwind(AssertUnwindSafe(|| wrap(&mut run)));
        }
        run();
    }

    fn builder(&self, role: &str) -> Builder {
        let builder = Builder::new().name(format!("{}{role}", self.name));
        match self.stack_size {
            Some(size) => builder.stack_size(size),
            None => builder,
        }
    }
}

fn contained(hook: Option<&(dyn Fn() + Send + Sync)>) {
    if let Some(hook) = hook {
        let _printed = catch_unwind(AssertUnwindSafe(hook));
    }
}

/// The threads under way.
pub(super) struct Threads {
    hooks: Hooks,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    alive: usize,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn new(hooks: Hooks) -> Self {
        Self { hooks, state: Mutex::default(), ended: Condvar::new() }
    }

    /// How many there are besides the workers and the sentinel.
    pub(super) fn spares(&self, shared: &Shared) -> usize {
        self.state.lock().alive.saturating_sub(shared.workers() + 1)
    }

    fn start(
        &self,
        shared: &Arc<Shared>,
        role: &str,
        hooked: bool,
        body: fn(&Arc<Shared>),
    ) -> io::Result<()> {
        self.start_with(shared, role, hooked, body)
    }

    fn start_with(
        &self,
        shared: &Arc<Shared>,
        role: &str,
        hooked: bool,
        body: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> io::Result<()> {
        let alive = Alive::new(shared.clone());
        let hooks = self.hooks.clone();
        let builder =
            if hooked { hooks.builder(role) } else { Builder::new().name(format!("{}{role}", hooks.name)) };
        let handle = builder.spawn(move || {
            OWNER.set(Arc::as_ptr(&alive.0));
            let body = || {
                let bomb = AbortOnPanic;
                body(&alive.0);
                std::mem::forget(bomb);
            };
            if hooked {
                hooks.run(body);
            } else {
                body();
            }
            drop(alive);
        })?;
        let mut state = self.state.lock();
        // Spares come and go: what has ended need not be kept until the end.
        state.handles.retain(|handle| !handle.is_finished());
        state.handles.push(handle);
        Ok(())
    }

    /// Waits until no more than `kept` threads are left besides the calling one, or the deadline has passed.
    /// Returns how many more there are.
    pub(super) fn wait_ended(&self, deadline: Option<Instant>, shared: &Shared, kept: usize) -> usize {
        let own = usize::from(std::ptr::eq(OWNER.get(), shared));
        let mut state = self.state.lock();
        while state.alive > own + kept {
            match deadline {
                Some(deadline) => {
                    if self.ended.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
                None => self.ended.wait(&mut state),
            }
        }
        let left = state.alive.saturating_sub(own + kept);
        let all_ended = left + kept + own == 0;
        let (ended, running): (Vec<_>, Vec<_>) = std::mem::take(&mut state.handles)
            .into_iter()
            .partition(|handle| all_ended || handle.is_finished());
        state.handles = running;
        drop(state);
        for handle in ended {
            // Only its thread-locals' destructors are left to run. They are the user's, and may take for ever.
            while deadline.is_some_and(|deadline| !handle.is_finished() && time::now() < deadline) {
                thread::pause(Duration::from_micros(50));
            }
            if deadline.is_none() || handle.is_finished() {
                // A panic has aborted the process already, so there is none to report.
                let _ended = handle.join();
            }
        }
        left
    }
}

filch_primitive::thread_local! {
    /// The scheduler this thread was started for, whatever it visits just now. Compared, never followed.
    static OWNER: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// Counts a thread from before it starts until it has ended.
struct Alive(Arc<Shared>);

impl Alive {
    fn new(shared: Arc<Shared>) -> Self {
        shared.threads.state.lock().alive += 1;
        Self(shared)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let threads = &self.0.threads;
        threads.state.lock().alive -= 1;
        threads.ended.notify_all();
    }
}

/// A panic in the scheduler itself means that its books are wrong; going on would hang or worse.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        eprintln!("filch: a worker's own code panicked, which is a bug in filch; aborting");
        std::process::abort();
    }
}

/// Starts the workers and the sentinel. When one of them cannot start, those that did are stopped and joined.
pub(super) fn start_all(shared: &Arc<Shared>) -> io::Result<()> {
    let started = (0..shared.workers())
        .try_for_each(|index| {
            shared.threads.start_with(shared, &format!("-{index}"), true, move |shared| {
                worker::work(shared, index);
            })
        })
        .and_then(|()| shared.threads.start(shared, "-sentinel", false, sentinel::watch));
    if started.is_err() {
        shared.close();
        shared.sentinel.dismiss();
        shared.threads.wait_ended(None, shared, 0);
    }
    started
}

/// Starts a spare worker. That it cannot start is no error: the sentinel asks again at its next tick.
pub(super) fn start_spare(shared: &Arc<Shared>) {
    if shared.threads.state.lock().alive >= policy::THREADS_MAX.max(2 * shared.workers()) {
        return;
    }
    let _again_next_tick = shared.threads.start(shared, "-spare", true, |shared| {
        worker::work_as_spare(shared);
    });
    // Long enough for it to sit down, so that the next tick does not bring another.
    thread::pause(policy::SENTINEL_TICK);
}
