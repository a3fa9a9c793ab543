//! One run of this program along one path, under callgrind.
//!
//! Callgrind, because it says how often each single instruction was executed, from which the locked ones can be told,
//! and in which function. Cachegrind and lackey count the same; neither is steadier.

use crate::profile::Profile;
use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs, process};

/// How long a run may take, in seconds. On an idle machine it is one or two.
const PATIENCE: &str = "120";

/// What a run came to.
pub(crate) struct Run {
    pub(crate) profile: Profile,
    /// System calls of all threads.
    pub(crate) calls: u64,
}

/// Goes along the path `times` times.
pub(crate) fn run(name: &str, times: usize, waste: usize) -> Result<Run, Box<dyn Error>> {
    let stem = env::temp_dir().join(format!("filch-hot-paths-{}", process::id()));
    let (profile, log) = (stem.with_extension("callgrind"), stem.with_extension("log"));
    let status = Command::new("timeout")
        .args([PATIENCE, "valgrind", "--tool=callgrind", "--dump-instr=yes"])
        .args(["--compress-pos=no", "--compress-strings=no"])
        // Who wakes gets its turn, so that threads take turns in the same order each time.
        .arg("--fair-sched=yes")
        .arg("--trace-syscalls=yes")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(format!("--log-file={}", log.display()))
        .arg(env::current_exe()?)
        .args(["--measure", name, &times.to_string(), "--waste", &waste.to_string()])
        // The environment lies on the stack, and would move what is there.
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("timeout cannot be run: {error}"))?;
    let text = fs::read_to_string(&profile).and_then(|text| Ok((text, fs::read_to_string(&log)?)));
    let _gone = fs::remove_file(&profile);
    if !status.success() {
        return Err(format!("{name} under valgrind: {status}; its log is {}", log.display()).into());
    }
    let _gone = fs::remove_file(&log);
    let (profile, log) = text?;
    let calls = log.lines().filter(|line| line.starts_with("SYSCALL[")).count() as u64;
    Ok(Run { profile: Profile::parse(&profile)?, calls })
}
