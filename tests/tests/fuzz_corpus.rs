//! What the fuzzer has found worth keeping is run again, and random bytes beside it: each target agrees with
//! its model. A fuzzer itself is needed only to find more (`ci/fuzz`).

use filch_tests::{Dice, Watchdog, fuzz};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Inputs of random bytes, for each target.
const RANDOM: usize = 1000;
const LENGTH_MAX: usize = 400;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

/// Fewer when the tests are slow for other reasons, as the other tests understand it.
fn cut(number: usize) -> usize {
    let by = std::env::var("FILCH_TEST_CUT").ok().and_then(|by| by.parse().ok()).unwrap_or(1);
    (number / by).max(1)
}

fn replay(target: &str) {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let inputs = fs::read_dir(corpus(target)).expect("each target has a corpus");
    let inputs: Vec<_> = inputs.map(|entry| entry.expect("a file").path()).collect();
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    for path in inputs {
        let data = fs::read(&path).expect("an input");
        // The last one told is the one that failed.
        println!("{}", path.display());
        fuzz::run(target, &data);
    }
    let mut dice = Dice::new();
    for _ in 0..cut(RANDOM) {
        let data: Vec<_> = (0..dice.below(LENGTH_MAX)).map(|_| dice.below(256) as u8).collect();
        fuzz::run(target, &data);
    }
}

macro_rules! targets {
    ($($target:ident),*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let all: Vec<_> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, [$(stringify!($target)),*]);
        }
    };
}

targets!(wheel, wait_list, channel, oneshot, semaphore, lock, event, tasks, readiness);
