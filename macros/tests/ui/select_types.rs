//! What the compiler says about the user's own tokens, it says at their place.

use filch_macros::{join, select, try_join};
use std::future::ready;

mod fake {
    pub mod __private {
        pub fn somewhere(_: &mut std::task::Context<'_>, _: usize) -> std::task::Poll<usize> {
            std::task::Poll::Ready(0)
        }
    }
}

async fn no_future() {
    select!((crate::fake) if let 1 = 5 {});
}

async fn other_pattern() {
    select!((crate::fake) if let "x" = ready(5) {});
}

async fn other_body() -> u32 {
    select!((crate::fake) if let 1 = ready(1) { 2 } else { "three" })
}

async fn not_a_bool() {
    select!((crate::fake) if let 1 = ready(1) && 5 {});
}

async fn joined() {
    join!((crate::fake) (ready(1)) (5));
    try_join!((crate::fake));
    let _: Result<(u8,), ()> = try_join!((crate::fake) (ready(Ok::<u8, u8>(1))));
}

fn main() {}
