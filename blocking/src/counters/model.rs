//! A submitter against a thread whose keep-alive time is over, with a locked queue in place of the channel.

use super::{Claim, Counters, Leave};
use filch_primitive::sync::{Arc, Mutex};
use filch_primitive::thread;

/// Serves like a pool thread whose every receive times out at once; how many jobs it ran.
fn serve(counters: &Counters, queue: &Mutex<usize>) -> usize {
    let mut ran = 0;
    loop {
        let taken = {
            let mut queued = queue.lock();
            let any = *queued > 0;
            *queued -= usize::from(any);
            any
        };
        if taken {
            ran += 1;
            counters.finish();
        } else if counters.leave() == Leave::Left {
            return ran;
        } else {
            thread::yield_now();
        }
    }
}

#[test]
fn loom_a_job_at_the_keep_alive_time_out_is_served() {
    loom::model(|| {
        let counters = Arc::new(Counters::new());
        let queue = Arc::new(Mutex::new(0));
        counters.thread_started();
        let other = (counters.clone(), queue.clone());
        let server = thread::spawn(move || serve(&other.0, &other.1));
        let ran_here = match counters.claim(1) {
            Claim::Granted => {
                *queue.lock() += 1;
                0
            }
            Claim::NeedsThread => {
                counters.thread_started();
                assert_eq!(counters.claim(1), Claim::Granted);
                *queue.lock() += 1;
                serve(&counters, &queue)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(server.join().unwrap() + ran_here, 1);
        assert_eq!((counters.snapshot().claims(), counters.snapshot().threads()), (0, 0));
    });
}
