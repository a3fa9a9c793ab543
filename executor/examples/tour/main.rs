//! The guided tour: what filch does, done in earnest, and every count checked.
//!
//! Four stops, each in a file of its own, best read in this order: - `echo.rs`: an echo server, and 1,000
//! clients that exchange 100 messages each with it over real sockets. - `meeting.rs`: 100,000 tasks that meet
//! at an event, a semaphore and a lock. - `timers.rs`: 10,000 timers, and how late they are. - `offload.rs`:
//! work that blocks, on threads that may.
//!
//! `progress.rs` paints the line that says how far it is, from a task among all the others; `descriptors.rs`
//! asks the operating system for enough open files; `table.rs` writes what comes out at the end. Look at the
//! table's last part, too: how the workers shared the work. The exit code is 0 only if every count is exact.
//!
//! ```text
//! cargo run --release --example tour
//! ```

mod descriptors;
mod echo;
mod meeting;
mod offload;
mod progress;
mod table;
mod timers;

use filch::time::timeout;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// Whatever may go wrong on the way.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// A stop takes a second or two; one that takes this long will never end.
const STOP_LIMIT: Duration = Duration::from_secs(180);

#[filch::main]
async fn main() -> ExitCode {
    match tour().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn tour() -> Result<()> {
    let echo = stop("echo", echo::run()).await?;
    let meeting = stop("meeting", meeting::run()).await?;
    let timers = stop("timers", timers::run()).await?;
    let offload = stop("offload", offload::run()).await?;

    println!();
    println!("{echo}");
    println!("{meeting}");
    println!("{timers}");
    println!("{offload}");
    println!();
    print!("{}", table::Workers(filch::Handle::current().metrics()));
    Ok(())
}

/// Makes one stop of the tour, within a limit.
async fn stop<T>(name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(STOP_LIMIT, work).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(format!("{name}: {error}").into()),
        Err(_) => Err(format!("{name}: has not ended within {STOP_LIMIT:?}").into()),
    }
}

/// Refuses a count that is not exact.
fn exact(what: &str, counted: u64, expected: u64) -> Result<()> {
    if counted == expected {
        return Ok(());
    }
    Err(format!("{what}: {counted} were counted where {expected} were expected").into())
}
