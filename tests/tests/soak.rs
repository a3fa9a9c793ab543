//! The endurance program can be trusted: a short run of it is clean, and each fault that can be planted in it
//! is found.
//!
//! The runs are processes of their own, for they count what a process has. The hour-long one is
//! `cargo run --release --example soak -- --minutes 60`.

use filch_tests::{SLOWNESS, Watchdog, child, soak};
use std::process::{ExitCode, exit};
use std::time::Duration;

/// The child's half of each test: the program, with the role's words as its arguments.
fn play_the_program() {
    if let Some(arguments) = child::role() {
        let code = soak::main(arguments.split(' ').map(str::to_owned));
        exit(i32::from(code != ExitCode::SUCCESS));
    }
}

#[test]
fn a_few_seconds_of_everything_are_clean() {
    play_the_program();
    let _watchdog = Watchdog::new(Duration::from_secs(120));
    let output = child::run("a_few_seconds_of_everything_are_clean", "--seconds 3");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("all sums agree"), "{told}\n{errors}");
}

/// Runs the ingredient that has the fault, with the fault, and demands that it is told of in these words.
#[track_caller]
fn must_find(test: &str, fault: &str, words: &str) {
    let _watchdog = Watchdog::new(Duration::from_secs(120));
    let (_, ingredient) = soak::BREAKS.iter().find(|(name, _)| *name == fault).expect("it can be planted");
    // So short a patience would be unfair to a run that is to succeed.
    let patience = 2 * SLOWNESS;
    let arguments = format!("--seconds 1 --patience {patience} --only {ingredient} --break {fault}");
    let output = child::run(test, &arguments);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("BROKEN") && told.contains(words), "not in the words '{words}': {told}");
}

macro_rules! must_be_found {
    ($($(#[$attribute:meta])* $test:ident: $fault:literal, $words:literal;)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $test() {
                play_the_program();
                must_find(stringify!($test), $fault, $words);
            }
        )*

        #[test]
        fn every_fault_there_is_has_its_test() {
            let all: Vec<_> = soak::BREAKS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, [$($(#[$attribute])* $fault),*]);
        }
    };
}

must_be_found! {
    a_message_that_is_lost: "message", "channels:";
    a_permit_that_is_forgotten: "permit", "4 of 5 permits are back";
    bytes_that_were_never_sent: "bytes", "came back";
    a_timer_that_is_early: "early", "early";
    a_task_that_does_not_end: "task", "has left tasks or values";
    a_value_that_is_not_dropped: "value", "has left tasks or values";
    a_panic_that_nobody_planned: "panic", "1 panics that nobody planned";
    an_ingredient_that_hangs: "hang", "does not come to its end";
    a_descriptor_that_stays_open: "descriptor", "does not come to rest";
    a_thread_that_does_not_end: "thread", "does not come to rest";
    a_child_that_is_not_waited_for: "zombie", "child processes were left behind";
    #[cfg(not(any(filch_asan, filch_tsan)))]
    memory_that_is_not_given_back: "memory", "memory has grown";
}
