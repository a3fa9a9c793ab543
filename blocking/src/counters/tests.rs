use super::{Claim, Counters, Leave, THREADS_MAX};

#[test]
fn a_claim_needs_an_idle_thread_or_the_cap() {
    let counters = Counters::new();
    assert_eq!(counters.claim(2), Claim::NeedsThread);
    counters.thread_started();
    assert_eq!(counters.claim(2), Claim::Granted);
    assert_eq!(counters.claim(2), Claim::NeedsThread);
    counters.thread_started();
    assert_eq!(counters.claim(2), Claim::Granted);
    assert_eq!(counters.claim(2), Claim::Granted, "at the cap jobs queue");
    assert_eq!((counters.snapshot().claims(), counters.snapshot().threads()), (3, 2));
}

#[test]
fn a_thread_leaves_only_when_no_job_counts_on_it() {
    let counters = Counters::new();
    counters.thread_started();
    counters.thread_started();
    assert_eq!(counters.claim(2), Claim::Granted);
    assert_eq!(counters.leave(), Leave::Left, "two threads, one job");
    assert_eq!(counters.leave(), Leave::Needed);
    counters.finish();
    assert_eq!(counters.leave(), Leave::Left);
    assert_eq!(counters.leave(), Leave::Needed, "nobody is left to leave");
    assert_eq!(counters.snapshot().threads(), 0);
}

#[test]
fn without_a_thread_nothing_is_served() {
    let counters = Counters::new();
    assert_eq!(counters.claim_served(), Claim::Unserved);
    counters.thread_started();
    assert_eq!(counters.claim_served(), Claim::Granted);
    assert_eq!(counters.claim_served(), Claim::Granted);
}

#[test]
fn a_closed_pool_refuses_and_counts_nothing() {
    let counters = Counters::new();
    counters.thread_started();
    counters.close();
    assert_eq!(counters.claim(9), Claim::Closed);
    assert_eq!(counters.claim_served(), Claim::Closed);
    let now = counters.snapshot();
    assert_eq!((now.claims(), now.threads()), (0, 1));
    assert!(now.is_closed() && now.is_stopping());
}

#[test]
fn fields_do_not_run_into_each_other() {
    let counters = Counters::new();
    for _ in 0..THREADS_MAX {
        counters.thread_started();
    }
    for _ in 0..1000 {
        assert_eq!(counters.claim(THREADS_MAX), Claim::Granted);
    }
    counters.retire();
    let now = counters.snapshot();
    assert_eq!((now.claims(), now.threads()), (1000, THREADS_MAX));
    assert!(!now.is_closed() && now.is_stopping());
    for _ in 0..THREADS_MAX - 1000 {
        assert_eq!(counters.leave(), Leave::Left);
    }
    assert_eq!(counters.leave(), Leave::Needed);
    (0..1000).for_each(|_| counters.finish());
    assert_eq!((counters.snapshot().claims(), counters.snapshot().threads()), (0, 1000));
}
