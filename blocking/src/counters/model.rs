//! A submitter against a thread whose keep-alive time is over, with a locked queue in place of the channel.

use super::{Claim, Counters, Leave};
use filch_primitive::sync::{Arc, Mutex};
use filch_primitive::thread;

/// Serves like a pool thread whose every receive times out at once, until `leave` lets it go; how many jobs it ran.
fn serve(counters: &Counters, queue: &Mutex<usize>, leave: fn(&Counters) -> Leave) -> usize {
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
        } else if leave(counters) == Leave::Left {
            return ran;
        } else {
            thread::yield_now();
        }
    }
}

/// One job, submitted while the only thread looks whether to leave.
fn job_at_the_time_out(leave: fn(&Counters) -> Leave) {
    loom::model(move || {
        let counters = Arc::new(Counters::new());
        let queue = Arc::new(Mutex::new(0));
        counters.thread_started();
        let other = (counters.clone(), queue.clone());
        let server = thread::spawn(move || serve(&other.0, &other.1, leave));
        let ran_here = match counters.claim(1) {
            Claim::Granted => {
                *queue.lock() += 1;
                0
            }
            Claim::NeedsThread => {
                counters.thread_started();
                assert_eq!(counters.claim(1), Claim::Granted);
                *queue.lock() += 1;
                serve(&counters, &queue, leave)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(server.join().unwrap() + ran_here, 1, "the job was stranded");
        assert_eq!((counters.snapshot().claims(), counters.snapshot().threads()), (0, 0));
    });
}

#[test]
fn loom_a_job_at_the_keep_alive_time_out_is_served() {
    job_at_the_time_out(Counters::leave);
}

/// The canary: a thread that looks first and leaves after, in two steps, must be caught.
#[test]
#[should_panic(expected = "stranded")]
fn loom_leaving_in_two_steps_strands_a_job() {
    job_at_the_time_out(|counters| {
        let now = counters.snapshot();
        if now.claims() >= now.threads() {
            return Leave::Needed;
        }
        counters.0.fetch_sub(super::THREAD, super::Ordering::Relaxed);
        Leave::Left
    });
}
