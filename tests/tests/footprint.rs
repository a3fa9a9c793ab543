//! Nothing is left behind: threads, descriptors and memory go with the runtimes and sockets they were for.
//!
//! One test, in a process of its own: it counts all there is.

use filch::Runtime;
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use filch_tests::{PATIENCE, Watchdog, process};
use std::time::{Duration, Instant};

fn a_little_of_everything() {
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    runtime.spawn(sleep(Duration::from_secs(3600))).detach();
    runtime.spawn(std::future::pending::<()>()).detach();
    let worked = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (server, _) = listener.accept().await?;
        // Left to the end, inside a task.
        filch::spawn(async move {
            let _never = server.readable().await;
        })
        .detach();
        filch::spawn_blocking(|| ()).await?;
        drop(client);
        std::io::Result::Ok(())
    });
    worked.expect("it works");
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

#[test]
fn everything_goes_back_to_where_it_was() {
    let _watchdog = Watchdog::new(Duration::from_secs(120));
    // What is made once for all is made by these: the process-wide reactor and timer for threads without a runtime, too,
    // which take over what a runtime that ends leaves.
    (0..20).for_each(|_| a_little_of_everything());
    futures_lite::future::block_on(async {
        sleep(Duration::from_millis(1)).await;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let _client = TcpStream::connect(listener.local_addr()?).await?;
        listener.accept().await
    })
    .expect("it works");
    let (threads, descriptors) = (process::threads().len(), process::descriptors());
    let memory = process::resident_bytes();
    (0..300).for_each(|_| a_little_of_everything());
    for _ in 0..1700 {
        drop(Runtime::builder().worker_threads(1).build().expect("a runtime"));
    }
    // A thread that was joined is gone for us, and for the kernel a moment later.
    let extra = || process::threads().len().saturating_sub(threads);
    let begin = Instant::now();
    while extra() > 0 {
        assert!(begin.elapsed() < PATIENCE, "{} threads too many: {:#?}", extra(), process::threads());
        std::thread::yield_now();
    }
    assert_eq!(process::descriptors(), descriptors, "descriptors are left behind");
    let grown = process::resident_bytes().saturating_sub(memory);
    assert!(grown < (32 << 20) + process::HELD_BACK, "{grown} bytes are left behind by 2000 runtimes");

    // Connections, and tasks by the hundred thousand, within one runtime.
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let round = || {
        runtime
            .block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                for _ in 0..2000 {
                    let client = TcpStream::connect(address).await?;
                    let (server, _) = listener.accept().await?;
                    drop((client, server));
                }
                let tasks: Vec<_> = (0..100_000).map(|_| filch::spawn(filch::yield_now())).collect();
                for task in tasks {
                    task.await?;
                }
                std::io::Result::Ok(())
            })
            .expect("it works");
    };
    round();
    let (descriptors, memory) = (process::descriptors(), process::resident_bytes());
    round();
    round();
    assert_eq!(process::descriptors(), descriptors, "descriptors are left behind");
    let grown = process::resident_bytes().saturating_sub(memory);
    assert!(grown < (32 << 20) + process::HELD_BACK, "{grown} bytes are left behind by tasks that are over");
}
