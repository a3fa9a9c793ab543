//! The run, from the first stretch to the table at the end.

use super::faults::Faults;
use super::gauge::{Record, Sample};
use super::ingredient::Ingredient;
use super::latency::Histogram;
use super::ledger::{Ledger, Planned};
use super::options::Options;
use super::stage::{Complaints, Meter, Stage, World};
use crate::{Dice, process, watchdog};
use filch::Runtime;
use std::fmt::Write;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

const STRETCH_MAX: Duration = Duration::from_secs(30);
/// One to warm up, one to be compared with it, and one more.
const STRETCHES_MIN: usize = 3;
/// How often the run is looked after.
const TICK: Duration = Duration::from_millis(50);
const LINE: Duration = Duration::from_secs(60);
/// Between two looks at a process that is coming to rest.
const REST: Duration = Duration::from_millis(20);
/// So many equal looks are rest, when nothing is known yet of what rest is: they take longer than an idle
/// thread is kept alive, be it a blocking one or a spare worker.
const RESTS: usize = 120;
/// What the first rest may take at least, however short the patience is otherwise.
const FIRST_REST_MAX: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_millis(100);

/// Panics that nobody planned.
static UNPLANNED: AtomicUsize = AtomicUsize::new(0);

struct Player {
    ingredient: &'static Ingredient,
    meter: Arc<Meter>,
    ledger: Arc<Ledger>,
}

struct Conductor<'o> {
    options: &'o Options,
    begin: Instant,
    world: Arc<World>,
    players: Vec<Player>,
    dice: Dice,
    record: Record,
    lines: u32,
}

/// Runs as asked. The answer says what broke.
pub(super) fn run(options: &Options) -> Result<(), String> {
    hush_planned_panics();
    let names: Vec<_> = options.ingredients.iter().map(|ingredient| ingredient.name).collect();
    println!("soak for {:?} with --seed {}: {}", options.length, options.seed, names.join(", "));
    prime();
    let before = Sample::take_at_rest(&Faults::default());
    let runtime = Runtime::builder().thread_name("soak").blocking_keep_alive(KEEP_ALIVE).build();
    let world = World {
        runtime: runtime.map_err(|error| format!("no runtime: {error}"))?,
        faults: Faults::default(),
        complaints: Complaints::default(),
        lateness: Histogram::new(),
        latency: Histogram::new(),
        planted: options.planted,
    };
    let players = options.ingredients.iter().map(|ingredient| Player {
        ingredient,
        meter: Arc::default(),
        ledger: Arc::default(),
    });
    let mut conductor = Conductor {
        options,
        begin: Instant::now(),
        world: Arc::new(world),
        players: players.collect(),
        dice: Dice::seeded(options.seed),
        record: Record::default(),
        lines: 0,
    };
    let played = conductor.play();
    println!("{}", conductor.table());
    played?;
    conductor.end(&before)
}

/// Has whatever a process has once for all.
fn prime() {
    // The default runtime, and the timer and reactor of threads that have none.
    filch::block_on(filch::spawn(async {})).expect("an empty task completes");
    futures_lite::future::block_on(async {
        filch::time::sleep(Duration::from_millis(1)).await;
        let pair = filch::net::UnixStream::pair().expect("a pair of sockets");
        let _never = futures_lite::future::poll_once(pair.0.readable()).await;
    });
}

impl Conductor<'_> {
    fn play(&mut self) -> Result<(), String> {
        let length = self.options.length;
        let stretch = (length / 6).min(STRETCH_MAX);
        let mut stretches = 0;
        while stretches < STRETCHES_MIN || self.begin.elapsed() < length {
            self.stretch(stretch)?;
            self.rest()?;
            stretches += 1;
        }
        self.record.check_climb()
    }

    /// Lets every ingredient work for so long, and then come to its end.
    fn stretch(&mut self, length: Duration) -> Result<(), String> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, ends) = mpsc::channel();
        let threads: Vec<_> = (0..self.players.len())
            .map(|n| {
                let player = &self.players[n];
                let (name, run) = (player.ingredient.name, player.ingredient.run);
                let stage = Stage::new(
                    name,
                    self.world.clone(),
                    stop.clone(),
                    player.meter.clone(),
                    player.ledger.clone(),
                    self.dice.fork(),
                );
                let ended = ended.clone();
                let work = move || {
                    run(&stage);
                    drop(stage);
                    // Nobody listens any more when something else broke.
                    let _ = ended.send(n);
                };
                thread::Builder::new().name(format!("soak-{name}")).spawn(work)
            })
            .collect::<Result<_, _>>()
            .map_err(|error| format!("no thread for an ingredient: {error}"))?;
        drop(ended);
        self.watch(&ends, &stop, length)?;
        for thread in threads {
            thread.join().map_err(|_| "an ingredient panicked".to_owned())?;
        }
        self.complaints()
    }

    /// Says that it is time to stop after `length`, and waits until all ingredients have, and everything they
    /// began. What makes no progress meanwhile hangs.
    fn watch(&mut self, ends: &Receiver<usize>, stop: &AtomicBool, length: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let mut returned = vec![false; self.players.len()];
        let mut seen: Vec<_> = self.players.iter().map(|player| (player.progress(), begin)).collect();
        loop {
            match ends.recv_timeout(TICK) {
                Ok(n) => returned[n] = true,
                Err(RecvTimeoutError::Timeout) => {}
                // All threads have ended; what they spawned may not have.
                Err(RecvTimeoutError::Disconnected) => thread::park_timeout(REST),
            }
            if begin.elapsed() >= length {
                stop.store(true, SeqCst);
            }
            self.complaints()?;
            self.line();
            let is_over = |n: usize| returned[n] && self.players[n].ledger.is_settled();
            if (0..self.players.len()).all(is_over) {
                return Ok(());
            }
            for (n, (progress, since)) in seen.iter_mut().enumerate() {
                let now = self.players[n].progress();
                if now != *progress || is_over(n) {
                    (*progress, *since) = (now, Instant::now());
                } else if since.elapsed() > self.options.patience {
                    return Err(self.hang(n, returned[n]));
                }
            }
        }
    }

    /// What is to be told of an ingredient that hangs, and of all threads.
    fn hang(&self, n: usize, returned: bool) -> String {
        let player = &self.players[n];
        let name = player.ingredient.name;
        let _reading_takes_descriptors = self.world.faults.keep_shut();
        watchdog::dump(
            &format!("soak: '{name}' hangs"),
            &[("soak".to_owned(), self.world.runtime.handle().clone())],
        );
        let whence =
            if returned { "has left tasks or values that do not end" } else { "does not come to its end" };
        format!("{name} hangs: no progress for {:?}; it {whence}\n  {}", self.options.patience, player.ledger)
    }

    /// Waits until the process is as quiet as it was, and samples it then.
    fn rest(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        let mut equal = 0;
        let mut before = Sample::take(&self.world.faults);
        loop {
            thread::park_timeout(REST);
            let now = Sample::take(&self.world.faults);
            equal = if now.is_within(&before) && before.is_within(&now) { equal + 1 } else { 0 };
            before = now;
            let floor = self.record.floor();
            if floor.map_or(equal >= RESTS, |floor| now.is_within(&floor)) {
                break;
            }
            self.complaints()?;
            let patience = self.options.patience.max(floor.map_or(FIRST_REST_MAX, |_| Duration::ZERO));
            if begin.elapsed() > patience {
                let threads: Vec<_> = process::threads().iter().map(ToString::to_string).collect();
                let was = floor.map_or("nothing to compare".to_owned(), |floor| floor.to_string());
                return Err(format!(
                    "the process does not come to rest: {now}; it was {was}\n  {}\n  {}",
                    threads.join("\n  "),
                    process::descriptor_names().join("\n  ")
                ));
            }
        }
        if before.children > 0 {
            return Err(format!("{} child processes were left behind", before.children));
        }
        self.record.add(self.begin.elapsed(), Sample::take_at_rest(&self.world.faults))
    }

    fn complaints(&self) -> Result<(), String> {
        let mut complaints = self.world.complaints.so_far();
        let unplanned = UNPLANNED.load(SeqCst);
        if unplanned > 0 {
            complaints.push(format!("{unplanned} panics that nobody planned"));
        }
        if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
    }

    /// Tells once a minute how it goes.
    fn line(&mut self) {
        let elapsed = self.begin.elapsed();
        if elapsed < LINE * (self.lines + 1) {
            return;
        }
        self.lines += 1;
        let now = Sample::take(&self.world.faults);
        let rest = self.record.last().map_or("unknown".to_owned(), |sample| sample.to_string());
        let mut line = format!(
            "{:>3} min: {now}, {} sleeps; at rest {rest}; timers up to {:?} late, latency p99 {:?} |",
            self.lines,
            now.sleeps,
            self.world.lateness.max(),
            self.world.latency.all_but_one_in(100),
        );
        for player in &self.players {
            // Writing to a string does not fail.
            let _ = write!(line, " {} {}", player.ingredient.name, player.meter.operations.load(SeqCst));
        }
        println!("{line}");
    }

    fn table(&self) -> String {
        let mut table = format!("{:<12} {:>12} {:>8}  books", "ingredient", "operations", "excused");
        for Player { ingredient, meter, ledger } in &self.players {
            let (operations, excused) = (meter.operations.load(SeqCst), meter.excused.load(SeqCst));
            let _ = write!(table, "\n{:<12} {operations:>12} {excused:>8}  {ledger}", ingredient.name);
        }
        let World { lateness, latency, .. } = &*self.world;
        let _ = write!(table, "\ntimers late: {lateness}\nlatency: {latency}");
        for (what, at) in [("first", self.record.first()), ("last", self.record.last())] {
            let sample = at.map_or("none".to_owned(), |sample| sample.to_string());
            let _ = write!(table, "\nat rest, {what}: {sample}");
        }
        if let Some((resident, allocated)) = self.record.climbs() {
            let [resident, allocated] = [resident, allocated].map(|bytes| bytes / 1024.0);
            let _ = write!(
                table,
                "\nover the second half: {resident:+.0} KiB resident, {allocated:+.0} KiB allocated"
            );
        }
        table
    }

    /// Ends the runtime of the run, in which nothing is left.
    fn end(self, before: &Sample) -> Result<(), String> {
        let Self { options, mut world, .. } = self;
        let begin = Instant::now();
        // A task may be over a moment before what it held is gone.
        let world = loop {
            match Arc::try_unwrap(world) {
                Ok(world) => break world,
                Err(shared) if begin.elapsed() > options.patience => {
                    return Err(format!(
                        "the run is still held by {} others",
                        Arc::strong_count(&shared) - 1
                    ));
                }
                Err(shared) => world = shared,
            }
            thread::park_timeout(REST);
        };
        let report = world.runtime.shutdown(options.patience);
        if !report.is_clean() || report.aborted > 0 {
            return Err(format!("the runtime has not ended well: {report}"));
        }
        // A thread that was joined is gone for us, and for the kernel a moment later.
        let faults = Faults::default();
        loop {
            let left = Sample::take_at_rest(&faults).check_left_of(before);
            if left.is_ok() || begin.elapsed() > options.patience {
                return left;
            }
            thread::park_timeout(REST);
        }
    }
}

impl Player {
    /// A number that changes when something gets done.
    fn progress(&self) -> u64 {
        let Ledger { spawned, completed, cancelled, panicked, .. } = &*self.ledger;
        [spawned, completed, cancelled, panicked, &self.meter.operations]
            .map(|count| count.load(SeqCst))
            .into_iter()
            .fold(0, u64::wrapping_add)
    }
}

/// Panics that are part of the plan are not told of; others are, and counted.
fn hush_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Planned>() {
                UNPLANNED.fetch_add(1, SeqCst);
                tell(info);
            }
        }));
    });
}
