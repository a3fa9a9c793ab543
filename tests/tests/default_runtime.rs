//! Promise 1, its last corner: the process-wide default runtime is there even after one that was it has ended.
//!
//! In a file, and so a process, of its own: there is one default per process.

use filch_tests::Watchdog;

#[filch::main(workers = 1)]
async fn serve() -> u32 {
    filch::spawn(async { 1 }).await.expect("the default is the runtime of main")
}

#[test]
fn spawning_works_before_during_and_after_main() {
    let _watchdog = Watchdog::usual();
    // Twice: the first ends with its main, and so does the second.
    for _ in 0..2 {
        assert_eq!(serve(), 1);
        let outside = filch::spawn(async { 2 });
        assert_eq!(futures_lite::future::block_on(outside).expect("a runtime that runs"), 2);
    }
}
