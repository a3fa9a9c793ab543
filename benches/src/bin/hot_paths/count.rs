//! What an operation costs: the difference between many and few of them.

use crate::locked;
use crate::path::{BATCH, Path};
use crate::profile::Profile;
use crate::valgrind;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::ops::AddAssign;
use std::rc::Rc;

/// Operations in the shorter run, and in the longer one. Start and end are the same in both.
const FEW: usize = BATCH;
const MANY: usize = 6 * BATCH;

/// What one operation of a path costs.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) cost: Cost,
    /// System calls, of all threads.
    pub(crate) calls: f64,
    /// The cost by function, the largest first.
    pub(crate) functions: Vec<(Rc<str>, Cost)>,
}

/// What one operation costs, or a part of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// Those of the instructions that lock, if they were told apart.
    pub(crate) locked: f64,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.instructions += other.instructions;
        self.locked += other.locked;
    }
}

/// Counts, and remembers what it found out about object files.
#[derive(Default)]
pub(crate) struct Counter {
    locked: HashMap<Rc<str>, HashSet<u64>>,
}

impl Counter {
    /// Counts along `path`. Telling apart the locked instructions takes longer, and objdump.
    pub(crate) fn count(&mut self, path: &Path, waste: usize, apart: bool) -> Result<Count, Box<dyn Error>> {
        let few = valgrind::run(path.name, FEW, waste)?;
        let many = valgrind::run(path.name, MANY, waste)?;
        if apart {
            self.look_into(&many.profile)?;
        }
        let mut functions: BTreeMap<Rc<str>, Cost> = BTreeMap::new();
        let mut cost = Cost::default();
        for (profile, sign) in [(&few.profile, -1.0), (&many.profile, 1.0)] {
            for ((object, address), place) in &profile.places {
                let instructions = per_operation(sign * place.executed as f64);
                let locks = self.locked.get(object).is_some_and(|locked| locked.contains(address));
                let part = Cost { instructions, locked: if locks { instructions } else { 0.0 } };
                *functions.entry(place.function.clone()).or_default() += part;
                cost += part;
            }
        }
        let mut functions: Vec<_> = functions.into_iter().collect();
        functions.sort_by(|(_, a), (_, b)| b.instructions.total_cmp(&a.instructions));
        let calls = per_operation(many.calls as f64 - few.calls as f64);
        Ok(Count { name: path.name, cost, calls, functions })
    }

    fn look_into(&mut self, profile: &Profile) -> Result<(), Box<dyn Error>> {
        // What callgrind cannot place is in no file.
        for (object, _) in profile.places.keys().filter(|(object, _)| object.starts_with('/')) {
            if !self.locked.contains_key(object) {
                self.locked.insert(object.clone(), locked::addresses(object)?);
            }
        }
        Ok(())
    }
}

fn per_operation(difference: f64) -> f64 {
    difference / (MANY - FEW) as f64
}
