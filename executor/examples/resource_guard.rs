//! `async with` in Rust: a guard whose destructor gives the resource back, whichever way the work ends.
//!
//! Two connections are shared by whoever needs one. [`Pool::connect`] waits for a free one and returns it as
//! a guard. Look at `main`: the work ends well, with an error, in a panic, and by a timeout that drops it
//! halfway; the connection comes back every time, without a line of clean-up code there. A destructor cannot
//! await. Where saying good-bye takes time, it spawns a task for it, which works from any destructor on any
//! thread; see [`Connection::drop`].
//!
//! ```text
//! cargo run --example resource_guard
//! ```

use filch::sync::{Closed, OwnedSemaphorePermit, Semaphore};
use filch::time::{sleep, timeout};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

const SIZE: usize = 2;

#[derive(Clone)]
struct Pool(Arc<Semaphore>);

/// A connection for as long as it is held.
struct Connection {
    user: &'static str,
    /// The place in the pool, free again once the good-byes are said.
    place: Option<OwnedSemaphorePermit>,
}

impl Pool {
    /// Waits for a free connection: `__aenter__`.
    async fn connect(&self, user: &'static str) -> Result<Connection, Closed> {
        let place = self.0.clone().acquire_owned().await?;
        println!("{user}: connected");
        Ok(Connection { user, place: Some(place) })
    }
}

impl Drop for Connection {
    /// Says good-bye, then gives the place back: `__aexit__`.
    fn drop(&mut self) {
        let (user, place) = (self.user, self.place.take());
        let good_bye = async move {
            sleep(Duration::from_millis(10)).await;
            println!("{user}: good-bye");
            drop(place);
        };
        filch::spawn(good_bye).detach();
    }
}

/// Work that uses a connection, and may fail while it does.
async fn query(pool: Pool, user: &'static str, text: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
    let connection = pool.connect(user).await?;
    sleep(Duration::from_millis(10)).await;
    assert!(!text.is_empty(), "{}: an empty query is a bug", connection.user);
    Ok(text.parse()?)
}

#[filch::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let pool = Pool(Arc::new(Semaphore::new(SIZE)));

    let fine = filch::spawn(query(pool.clone(), "ann", "42"));
    let wrong = filch::spawn(query(pool.clone(), "bob", "forty-two"));
    let broken = filch::spawn(query(pool.clone(), "cat", ""));
    assert_eq!(fine.await??, 42);
    assert!(wrong.await?.is_err());
    assert!(broken.await.is_err_and(|error| error.is_panic()));

    let endless = async {
        let _connection = pool.connect("dan").await?;
        std::future::pending::<Result<(), Closed>>().await
    };
    assert!(timeout(Duration::from_millis(100), endless).await.is_err());

    // All places at once can only be had when every connection has been given back.
    let _all = pool.0.acquire_many(SIZE).await?;
    println!("all {SIZE} connections are back");
    Ok(())
}
