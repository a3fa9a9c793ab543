//! The fault of everybody else: for a while now and then, no descriptors can be had.

use super::Ingredient;
use crate::process;
use crate::soak::stage::{Stage, nap};
use std::thread;
use std::time::Duration;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "descriptors", what: "cannot be had for a while now and then", run };

/// A program needs some to start at all, and children are started meanwhile.
const LIMIT_MIN: usize = 16;

fn run(stage: &Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let open = {
            let _reading_takes_descriptors = stage.faults().keep_shut();
            process::descriptors()
        };
        let limit = LIMIT_MIN + dice.below(open);
        match stage.faults().open(limit as u64) {
            Ok(_window) => thread::sleep(Duration::from_millis(5 + dice.below(100) as u64)),
            Err(error) => stage.check(false, || format!("the limit cannot be set: {error}")),
        }
        stage.count();
        for _ in 0..dice.below(30) {
            if stage.goes_on() {
                futures_lite::future::block_on(nap(&mut dice, 100_000));
            }
        }
    }
}
