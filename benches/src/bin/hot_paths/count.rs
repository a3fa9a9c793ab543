//! What an operation costs: the difference between many and few of them.

use crate::locked;
use crate::path::{BATCH, Path};
use crate::profile::Profile;
use crate::valgrind::{self, Run};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;

/// Operations in the shorter run, and in the longer one. Start and end are the same in both.
const FEW: usize = BATCH;
const MANY: usize = 6 * BATCH;

/// What one operation of a path costs.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) instructions: f64,
    pub(crate) locked: f64,
    pub(crate) calls: f64,
    /// Instructions by function, the largest first.
    pub(crate) functions: Vec<(String, f64)>,
}

/// Counts, and remembers what it found out about object files.
#[derive(Default)]
pub(crate) struct Counter {
    locked: HashMap<String, HashSet<u64>>,
}

impl Counter {
    /// Counts along `path`. `full` is with locked instructions, which takes longer.
    pub(crate) fn count(&mut self, path: &Path, waste: usize, full: bool) -> Result<Count, Box<dyn Error>> {
        let few = valgrind::run(path.name, FEW, waste)?;
        let many = valgrind::run(path.name, MANY, waste)?;
        if full {
            self.look_into(&many.profile)?;
        }
        let per_operation = |of: &dyn Fn(&Run) -> u64| difference(of(&few), of(&many));
        Ok(Count {
            name: path.name,
            instructions: per_operation(&|run| run.profile.total),
            locked: per_operation(&|run| {
                run.profile.sum_where(|object, address| self.is_locked(object, address))
            }),
            calls: per_operation(&|run| run.calls),
            functions: functions(&few.profile, &many.profile),
        })
    }

    fn look_into(&mut self, profile: &Profile) -> Result<(), Box<dyn Error>> {
        for object in profile.addresses.keys().filter(|object| object.starts_with('/')) {
            if !self.locked.contains_key(object) {
                self.locked.insert(object.clone(), locked::addresses(object)?);
            }
        }
        Ok(())
    }

    fn is_locked(&self, object: &str, address: u64) -> bool {
        self.locked.get(object).is_some_and(|addresses| addresses.contains(&address))
    }
}

fn functions(few: &Profile, many: &Profile) -> Vec<(String, f64)> {
    let names = few.functions.keys().chain(many.functions.keys());
    let of = |profile: &Profile, name: &String| profile.functions.get(name).copied().unwrap_or(0);
    let counts: BTreeMap<_, _> =
        names.map(|name| (name.clone(), difference(of(few, name), of(many, name)))).collect();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.total_cmp(&a.1));
    counts
}

fn difference(few: u64, many: u64) -> f64 {
    (many as f64 - few as f64) / (MANY - FEW) as f64
}
