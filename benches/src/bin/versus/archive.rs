//! Results on file: every sample of a run, for other programs, and for a report of several runs together.

use crate::contest::{Comparison, samples_of_all};
use crate::sample::Sample;
use filch_benches::PeerName;
use filch_benches::catalogue;
use serde_json::{Map, Value, json};
use std::error::Error;
use std::fs;
use std::path::Path;

/// What was measured, and on what.
pub(crate) struct Run {
    /// Of each runtime.
    pub(crate) workers: usize,
    /// Empty where a file does not tell.
    pub(crate) machine: String,
    pub(crate) results: Vec<Comparison>,
}

impl Run {
    /// Every sample, for other programs and for [`read`](Self::read).
    pub(crate) fn to_json(&self) -> Value {
        let row = |result: &Comparison| {
            let peers: Map<String, Value> = PeerName::ALL
                .iter()
                .map(|peer| {
                    let samples = result.samples(*peer).iter().map(|sample| sample.to_json()).collect();
                    (peer.to_string(), Value::Array(samples))
                })
                .collect();
            json!({ "name": result.entry.name, "unit": result.entry.measure.unit(), "ratio": result.ratio(),
                "met": result.meets_target(), "samples": peers })
        };
        json!({ "workers": self.workers, "machine": self.machine,
            "workloads": self.results.iter().map(row).collect::<Vec<_>>() })
    }

    /// The inverse of [`to_json`](Self::to_json), with the targets of today.
    fn from_json(value: &Value) -> Result<Self, String> {
        let workers =
            value.get("workers").and_then(Value::as_u64).ok_or("it does not say how many workers")?;
        let machine = value.get("machine").and_then(Value::as_str).unwrap_or_default().to_owned();
        let rows = value.get("workloads").and_then(Value::as_array).ok_or("it has no workloads")?;
        let results = rows.iter().map(comparison).collect::<Result<_, _>>()?;
        Ok(Self { workers: workers as usize, machine, results })
    }

    /// What the files have, in the order of the catalogue. Of a workload that is in several of them, the last counts.
    ///
    /// # Errors
    /// Where a file cannot be read or understood, or was made on another machine or with another number of workers.
    pub(crate) fn read<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Box<dyn Error>> {
        let mut whole: Option<Self> = None;
        for path in paths {
            let path = path.as_ref();
            let part = fs::read_to_string(path)
                .map_err(|error| error.to_string())
                .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
                .and_then(|value| Self::from_json(&value))
                .and_then(|part| match whole.take() {
                    Some(before) => before.joined_by(part),
                    None => Ok(part),
                });
            whole = Some(part.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        let mut whole = whole.ok_or("there is no file to read")?;
        let order: Vec<&str> = catalogue::all().iter().map(|entry| entry.name).collect();
        whole.results.sort_by_key(|result| order.iter().position(|name| *name == result.entry.name));
        Ok(whole)
    }

    fn joined_by(mut self, later: Self) -> Result<Self, String> {
        if self.workers != later.workers {
            return Err(format!("{} workers, where the files before have {}", later.workers, self.workers));
        }
        if self.machine != later.machine {
            return Err(format!("made on {:?}, the files before on {:?}", later.machine, self.machine));
        }
        let again = |name| later.results.iter().any(|result| result.entry.name == name);
        self.results.retain(|result| !again(result.entry.name));
        self.results.extend(later.results);
        Ok(self)
    }

    /// The fewest and the most rounds that a workload had.
    pub(crate) fn rounds(&self) -> (usize, usize) {
        let rounds = || self.results.iter().map(Comparison::rounds);
        (rounds().min().unwrap_or(0), rounds().max().unwrap_or(0))
    }
}

fn comparison(row: &Value) -> Result<Comparison, String> {
    let name = row.get("name").and_then(Value::as_str).ok_or("a workload has no name")?;
    let entry = catalogue::find(name).ok_or_else(|| format!("no workload is called {name:?} any more"))?;
    let samples = samples_of_all(|peer| {
        let heard = row.get("samples")?.get(peer.as_str())?.as_array()?;
        heard.iter().map(Sample::from_json).collect::<Option<Vec<Sample>>>()
    });
    samples
        .and_then(|samples| Comparison::of(entry, samples))
        .ok_or_else(|| format!("{name:?} does not have as many samples of every runtime"))
}

#[cfg(test)]
mod tests {
    use super::Run;
    use crate::contest::Comparison;
    use crate::contest::tests::result_of;
    use serde_json::json;
    use std::fs;
    use std::path::PathBuf;

    fn run(workers: usize, results: Vec<Comparison>) -> Run {
        Run { workers, machine: "abacus".to_owned(), results }
    }

    /// A file of the test of that name, which nobody else writes.
    fn file(name: &str, run: &Run) -> PathBuf {
        let path = std::env::temp_dir().join(format!("versus-{}-{name}.json", std::process::id()));
        fs::write(&path, run.to_json().to_string()).unwrap();
        path
    }

    #[test]
    fn parts_become_one_in_the_order_of_the_catalogue() {
        let early = run(
            2,
            vec![
                result_of("yield/many", [9.0; 3], [9.0; 3], [9.0; 3]),
                result_of("echo/1x64B", [5.0; 3], [6.0; 3], [7.0; 3]),
            ],
        );
        let late = run(
            2,
            vec![
                result_of("yield/many", [1.0, 2.0, 3.0], [4.0; 3], [5.0; 3]),
                result_of("spawn/inside", [1.0; 3], [2.0; 3], [3.0; 3]),
            ],
        );
        let paths = [file("early", &early), file("late", &late)];
        let whole = Run::read(&paths).unwrap();
        paths.iter().for_each(|path| fs::remove_file(path).unwrap());
        let names: Vec<_> = whole.results.iter().map(|result| result.entry.name).collect();
        assert_eq!(names, ["spawn/inside", "yield/many", "echo/1x64B"]);
        assert_eq!((whole.workers, whole.machine.as_str(), whole.rounds()), (2, "abacus", (3, 3)));
        let again = &whole.results[1];
        assert_eq!((again.ratio(), again.meets_target()), (Some(0.5), Some(false)), "the later file counts");
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        let one = || vec![result_of("yield/many", [1.0; 3], [2.0; 3], [3.0; 3])];
        let two = file("two", &run(2, one()));
        let four = file("four", &run(4, one()));
        let elsewhere = file("elsewhere", &Run { machine: "slide rule".to_owned(), ..run(2, one()) });
        for (other, named) in [(&four, "4 workers"), (&elsewhere, "slide rule")] {
            let error = Run::read(&[&two, other]).err().expect("they do not go together").to_string();
            assert!(error.contains(named) && error.contains(&*other.to_string_lossy()), "{error}");
        }
        [two, four, elsewhere].iter().for_each(|path| fs::remove_file(path).unwrap());
        assert!(Run::read::<PathBuf>(&[]).is_err());
        assert!(Run::read(&["/nowhere/at/all"]).is_err_and(|error| error.to_string().contains("/nowhere")));
    }

    #[test]
    fn what_is_not_a_whole_result_is_refused_by_name() {
        let sample = json!({ "figure": 1.0 });
        let row = |name: &str, smol: &[&serde_json::Value]| {
            json!({ "workers": 2, "workloads": [{ "name": name,
                "samples": { "filch": [sample], "tokio": [sample], "smol": smol } }] })
        };
        assert!(Run::from_json(&row("yield/many", &[&sample])).is_ok());
        for (value, named) in [
            (row("yield/none", &[&sample]), "yield/none"),
            (row("yield/many", &[]), "samples of every runtime"),
            (row("yield/many", &[&json!({})]), "samples of every runtime"),
            (json!({ "workers": 2 }), "no workloads"),
            (json!({ "workloads": [] }), "workers"),
        ] {
            assert!(Run::from_json(&value).is_err_and(|error| error.contains(named)), "{value}");
        }
    }
}
