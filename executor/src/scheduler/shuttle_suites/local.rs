//! Tasks that stay on their thread, woken from others, and threads that die with such tasks.

use super::bell::Belfry;
use super::books::Books;
use super::{end, meta, panic_as_planned, scheduler};
use crate::scheduler::{Shared, spawn_local};
use crate::task::yield_now;
use filch_primitive::explore::{Times, dice, explore};
use filch_primitive::thread::{self, ThreadId};
use std::sync::Arc;

/// Local tasks of guests and of workers, woken by a plain thread; some are still there when their thread ends.
#[test]
fn shuttle_local_tasks_stay_on_their_thread_and_end_with_it() {
    explore(Times { rounds: 1_000, timeouts: 0 }, || {
        let shared = scheduler(2, dice(3) > 0);
        let (books, belfry) = (Books::default(), Belfry::default());
        let guests = [(); 2].map(|()| {
            let (shared, books, belfry) = (shared.clone(), books.clone(), belfry.clone());
            thread::spawn(move || {
                shared.block_on(async {
                    let handles: Vec<_> = (0..3).map(|_| local(&books, &belfry)).collect();
                    for handle in handles {
                        if dice(2) == 0 {
                            // As planned, aborted, or as it should be: the books tell.
                            let _ended = handle.await;
                        } else {
                            handle.detach();
                        }
                    }
                });
            })
        });
        let on_workers: Vec<_> = (0..2)
            .map(|_| {
                let (books, belfry) = (books.clone(), belfry.clone());
                let all = async move {
                    // Only the handle leaves the thread.
                    let handle = local(&books, &belfry);
                    let _ended = handle.await;
                };
                shared.spawn(all, meta())
            })
            .collect();
        let ringer = belfry.ringer();
        if dice(2) == 0 {
            wait_for(&shared, on_workers);
        }
        for guest in guests {
            guest.join().expect("the guest does not panic");
        }
        ringer.join().expect("a ringer does not panic");
        end(&shared);
        books.close();
    });
}

fn wait_for(shared: &Arc<Shared>, handles: Vec<crate::JoinHandle<()>>) {
    for handle in handles {
        shared.block_on(handle).expect("it was not aborted");
    }
}

/// A local task of this thread that goes by the dice, and finds itself here after each wait.
fn local(books: &Books, belfry: &Belfry) -> crate::JoinHandle<()> {
    let (life, belfry) = (books.open(), belfry.clone());
    let future = async move {
        let here = AtHome(thread::current().id());
        for _ in 0..1 + dice(2) {
            match dice(4) {
                0 => yield_now().await,
                1 if dice(4) == 0 => panic_as_planned(),
                _ => belfry.hang().wait().await,
            }
            here.check();
        }
        drop(life.output());
    };
    spawn_local(future, meta())
}

/// Checks, to the end, that this is the thread it was made on.
struct AtHome(ThreadId);

impl AtHome {
    fn check(&self) {
        assert_eq!(thread::current().id(), self.0, "a local task has left its thread");
    }
}

impl Drop for AtHome {
    fn drop(&mut self) {
        self.check();
    }
}
