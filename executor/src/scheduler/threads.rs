//! The threads of a scheduler: started, counted, waited for.

use super::policy;
use super::shared::Shared;
use super::{sentinel, worker};
use filch_primitive::contained;
use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread::{self, Builder, JoinHandle};
use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

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
                if let Some(hook) = self.on_start.as_deref() {
                    contained(hook);
                }
                body();
                if let Some(hook) = self.on_stop.as_deref() {
                    contained(hook);
                }
            }
        };
        if let Some(wrap) = &self.wrap {
            contained(|| wrap(&mut run));
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

/// The threads under way.
pub(super) struct Threads {
    hooks: Hooks,
    census: Arc<Census>,
}

/// Who is alive. Threads hold it until they have run the last of their thread-locals' destructors, when the scheduler may be gone.
#[derive(Default)]
struct Census {
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
        Self { hooks, census: Arc::default() }
    }

    /// How many there are besides the workers and the sentinel.
    pub(super) fn spares(&self, shared: &Shared) -> usize {
        self.alive().saturating_sub(shared.workers() + 1)
    }

    fn alive(&self) -> usize {
        self.census.state.lock().alive
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
        let (alive, shared) = (Alive::new(self.census.clone()), shared.clone());
        let hooks = self.hooks.clone();
        let builder =
            if hooked { hooks.builder(role) } else { Builder::new().name(format!("{}{role}", hooks.name)) };
        let handle = builder.spawn(move || {
            ALIVE.with(|own| own.set(alive).ok());
            let body = || {
                let bomb = AbortOnPanic;
                body(&shared);
                std::mem::forget(bomb);
            };
            if hooked {
                hooks.run(body);
            } else {
                body();
            }
        })?;
        let mut state = self.census.state.lock();
        // Spares come and go: what has ended need not be kept until the end.
        state.handles.retain(|handle| !handle.is_finished());
        state.handles.push(handle);
        Ok(())
    }

    /// Waits until no more than `kept` threads are left besides the calling one, or the deadline has passed.
    /// Returns how many more there are.
    pub(super) fn wait_ended(&self, deadline: Option<Instant>, kept: usize) -> usize {
        let Census { state, ended } = &*self.census;
        let own = usize::from(self.census.has_calling_thread());
        let mut state = state.lock();
        while state.alive > own + kept {
            match deadline {
                Some(deadline) => {
                    if ended.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
                None => ended.wait(&mut state),
            }
        }
        let left = state.alive.saturating_sub(own + kept);
        // None of them is joined before all have counted themselves out: a thread may have returned and still be busy with
        // destructors of its thread-locals, which are the user's and may take for ever.
        let all_ended = left + kept + own == 0;
        let handles = if all_ended { std::mem::take(&mut state.handles) } else { Vec::new() };
        drop(state);
        for handle in handles {
            // A panic has aborted the process already, so there is none to report.
            let _ended = handle.join();
        }
        left
    }
}

impl Census {
    /// Whether the calling thread is one of those counted, whatever it visits just now.
    fn has_calling_thread(&self) -> bool {
        let is_own = |own: &OnceCell<Alive>| own.get().is_some_and(|alive| ptr::eq(&*alive.0, self));
        ALIVE.try_with(is_own).unwrap_or(false)
    }
}

filch_primitive::thread_local! {
    /// A thread's own entry in the census of the scheduler it was started for. Made before any other thread-local of the thread,
    /// and so dropped after them.
    static ALIVE: OnceCell<Alive> = const { OnceCell::new() };
}

/// Counts a thread from before it starts until it has ended.
struct Alive(Arc<Census>);

impl Alive {
    fn new(census: Arc<Census>) -> Self {
        census.state.lock().alive += 1;
        Self(census)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.state.lock().alive -= 1;
        self.0.ended.notify_all();
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
        shared.threads.wait_ended(None, 0);
    }
    started
}

/// Starts a spare worker. That it cannot start is no error: the sentinel asks again at its next tick.
pub(super) fn start_spare(shared: &Arc<Shared>) {
    if shared.threads.alive() >= policy::THREADS_MAX.max(2 * shared.workers()) {
        return;
    }
    let _again_next_tick = shared.threads.start(shared, "-spare", true, |shared| {
        worker::work_as_spare(shared);
    });
    // Long enough for it to sit down, so that the next tick does not bring another.
    thread::pause(policy::SENTINEL_TICK);
}
