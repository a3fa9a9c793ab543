//! What the scheduler does to be fast is no part of what it promises: with each policy switched off, and with all of them, the
//! same programs run to the same end.

use filch::sync::{channel, oneshot};
use filch::{Policies, Runtime, spawn, yield_now};
use filch_tests::{PATIENCE, Watchdog};
use std::time::Duration;

/// Spawns, joins, messages to and fro, yields, timers and a wake from outside, in a small program.
fn run_with(policies: Policies) {
    let runtime = Runtime::builder().worker_threads(2).policies(policies).build().expect("a runtime");
    // From outside, one at a time and awaited under another executor: everybody is asleep in between.
    for round in 0..50 {
        let handle = runtime.spawn(async move { spawn(async move { round }).await });
        assert_eq!(futures_lite::future::block_on(handle).expect("no panic").expect("no panic"), round);
    }
    let program = runtime.spawn(async {
        let handles: Vec<_> =
            (0..500_u64).map(|n| spawn(async move { spawn(async move { n }).await })).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.expect("no panic").expect("no panic");
        }
        assert_eq!(sum, 500 * 499 / 2);
        let pairs: Vec<_> = (0..20).map(|_| (spawn(to_and_fro(100)), spawn(yield_often(100)))).collect();
        for (talk, yields) in pairs {
            assert_eq!(talk.await.expect("no panic"), 200);
            yields.await.expect("no panic");
        }
        filch::time::sleep(Duration::from_millis(1)).await;
    });
    runtime.block_on(program).expect("no panic");
    beside_a_pair_that_talks(&runtime);
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
}

/// Sends a number away and has it come back larger by one, so many times.
async fn to_and_fro(times: u64) -> u64 {
    let (there, arrives) = channel::bounded(1);
    let (back, returns) = channel::bounded(1);
    spawn(async move {
        while let Ok(number) = arrives.recv().await {
            let number: u64 = number;
            if back.send(number + 1).await.is_err() {
                break;
            }
        }
    })
    .detach();
    let mut number = 0;
    for _ in 0..times {
        there.send(number + 1).await.expect("the other is there");
        number = returns.recv().await.expect("the other is there");
    }
    number
}

async fn yield_often(times: usize) {
    for _ in 0..times {
        yield_now().await;
    }
}

/// Two pairs talk without end, one for each worker: nobody else waits for ever, whom no guest helps.
fn beside_a_pair_that_talks(runtime: &Runtime) {
    let (stop, stopped) = oneshot::channel();
    let talk = runtime.spawn(async move {
        let pairs = [spawn(to_and_fro(u64::MAX)), spawn(to_and_fro(u64::MAX))];
        stopped.await.expect("somebody stops them");
        for pair in pairs {
            pair.abort();
            assert!(pair.await.expect_err("it has no end of its own").is_aborted());
        }
    });
    for _ in 0..20 {
        futures_lite::future::block_on(runtime.spawn(yield_often(3))).expect("no panic");
    }
    stop.send(()).expect("it is waited for");
    futures_lite::future::block_on(talk).expect("no panic");
}

#[test]
fn with_each_policy_off_a_program_runs_to_its_end() {
    let _watchdog = Watchdog::usual();
    let names: Vec<_> = Policies::default().switches().map(|(name, _)| name).collect();
    for off in names {
        let mut policies = Policies::default();
        let (_, switch) = policies.switches().find(|(name, _)| *name == off).expect("it was there before");
        *switch = false;
        assert_ne!(policies, Policies::default());
        run_with(policies);
    }
}

#[test]
fn with_all_policies_off_a_program_runs_to_its_end() {
    let _watchdog = Watchdog::usual();
    let mut policies = Policies::default();
    policies.switches().for_each(|(_, switch)| *switch = false);
    run_with(policies);
}
