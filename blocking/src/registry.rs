//! Which threads a pool has, by name, and who waits for them to end.
//!
//! A thread is entered before it is started and struck out as the last thing it does, its hooks included. The
//! [counters](crate::counters) say whether a thread may be counted on; this list only serves [`Registry::wait`].

use crate::channel::{Sender, bounded};
use filch_primitive::mutant;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

/// One pool thread.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Whether user code runs on it: a job, a hook. Only a report reads it.
    busy: AtomicBool,
}

impl Member {
    pub(crate) fn new(name: String) -> Self {
        Self { name, busy: AtomicBool::new(false) }
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        // Ordering: Relaxed, for the eyes of a report only.
        self.busy.store(busy, Ordering::Relaxed);
    }
}

/// The threads of one pool.
#[derive(Debug)]
pub(crate) struct Registry(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    members: Vec<Arc<Member>>,
    /// Pool threads that wait in [`Registry::wait`] themselves: waiting for them would be waiting for oneself.
    waiting_inside: usize,
    bells: Vec<Sender<()>>,
}

impl List {
    fn ring(&self) {
        for bell in &self.bells {
            // Full means rung already.
            let _ = bell.try_send(());
        }
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List::default()))
    }

    pub(crate) fn enter(&self, member: Arc<Member>) {
        self.0.lock().members.push(member);
    }

    pub(crate) fn strike_out(&self, member: &Arc<Member>) {
        let mut list = self.0.lock();
        if let Some(at) = list.members.iter().position(|known| Arc::ptr_eq(known, member)) {
            list.members.swap_remove(at);
        }
        if !mutant::planted("registry.strike.silent") {
            list.ring();
        }
    }

    /// Waits until every thread has ended, those aside that wait here themselves, or until the deadline. The names of
    /// threads that user code still runs on; the caller's own is not among them.
    pub(crate) fn wait(&self, deadline: Instant, own: Option<&str>) -> Vec<String> {
        let (bell, rung) = bounded(1);
        {
            let mut list = self.0.lock();
            list.bells.push(bell.clone());
            list.waiting_inside += usize::from(own.is_some());
            list.ring();
        }
        while !self.is_over() && rung.recv_deadline(deadline).is_ok() {}
        let mut list = self.0.lock();
        list.waiting_inside -= usize::from(own.is_some());
        list.bells.retain(|other| !other.same_channel(&bell));
        // Ordering: Relaxed, as in `Member::set_busy`.
        let busy = list.members.iter().filter(|member| member.busy.load(Ordering::Relaxed));
        busy.map(|member| member.name.clone()).filter(|name| own != Some(name.as_str())).collect()
    }

    fn is_over(&self) -> bool {
        let list = self.0.lock();
        list.members.len() <= list.waiting_inside
    }
}
