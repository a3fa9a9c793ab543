//! How many bytes of resident memory does an idle task cost, at a million tasks?
//!
//! - `pending`: tasks that wait for nothing that will ever come. The bare task: its header, and what the
//!   allocator adds.
//! - `asleep`: tasks that sleep. A timer on top.
//!
//! Every figure is taken in a child process of its own, since an allocator hands out again what an earlier
//! run gave back. It counts bytes, which criterion does not; so it has a `main` of its own, and leaves its
//! table beside criterion's reports for the `summary` tool.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use filch_benches::workload::memory::{Idle, IdleTasks};
use filch_benches::{PeerName, workers};

/// The argument by which a child knows that it is one; the case and the runtime follow.
const CHILD: &str = "--measure-in-this-process";

const CASES: [(&str, Idle); 2] = [("pending", Idle::Pending), ("asleep", Idle::Asleep)];

const TASKS: usize = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [flag, case, peer] if flag == CHILD => measure(case, peer),
        // What `cargo bench` itself passes is `--bench`. Anything else is a filter or an option of
        // criterion's: there is nothing here for it to choose from, so it is obeyed only in so far as a
        // filter that does not fit leaves all out.
        rest => {
            let filter = rest.iter().find(|argument| !argument.starts_with('-'));
            compare(filter.map(String::as_str).unwrap_or_default())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memory: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one case on one runtime, and prints the bytes.
fn measure(case: &str, peer: &str) -> Result<(), Box<dyn Error>> {
    let (_, idle) = CASES.into_iter().find(|(name, _)| *name == case).ok_or("no such case")?;
    let peer = peer.parse::<PeerName>()?.start(workers());
    let tasks = IdleTasks { tasks: TASKS, idle };
    println!("{}", tasks.resident_growth_on(&peer)?);
    // A million tasks need no tidying when the process ends anyway.
    std::process::exit(0);
}

/// Measures every case on every runtime, each in a process of its own, and prints a table.
fn compare(filter: &str) -> Result<(), Box<dyn Error>> {
    let cases: Vec<&str> = CASES
        .iter()
        .map(|(case, _)| *case)
        .filter(|case| format!("memory/{case}").contains(filter))
        .collect();
    if cases.is_empty() {
        return Ok(());
    }
    let mut lines = String::new();
    print!("{:<16}", "bytes per task");
    PeerName::ALL.iter().for_each(|peer| print!("{peer:>10}"));
    println!();
    for case in cases {
        print!("memory/{case:<9}");
        for peer in PeerName::ALL {
            let child = Command::new(env::current_exe()?).args([CHILD, case, peer.as_str()]).output()?;
            if !child.status.success() {
                return Err(format!("{case} on {peer}: {}", String::from_utf8_lossy(&child.stderr)).into());
            }
            let bytes: f64 = str::from_utf8(&child.stdout)?.trim().parse()?;
            let each = bytes / TASKS as f64;
            print!("{each:>10.1}");
            lines += &format!("{case}\t{peer}\t{each:.1}\n");
        }
        println!();
    }
    let folder = reports()?;
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("memory.tsv"), lines)?;
    Ok(())
}

/// Criterion's folder: beside `release/deps`, where this program is.
fn reports() -> Result<PathBuf, Box<dyn Error>> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("not in a target folder")?;
    Ok(target.join("criterion"))
}
