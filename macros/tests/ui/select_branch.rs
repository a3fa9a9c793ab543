//! Mistakes within a branch.

use filch_macros::select;

async fn missing() {
    select!((crate::fake) if let 1 {});
    select!((crate::fake) if let = ready(1) {});
    select!((crate::fake) if let 1 = {});
    select!((crate::fake) if let 1 = ready(1));
    select!((crate::fake) if let 1 = ready(1) && {});
    select!((crate::fake) if);
}

async fn conditions(sure: bool) {
    select!((crate::fake) if sure { 1 } else { 2 });
    select!((crate::fake) if let 1 = ready(1) {} else if sure { 2 });
    select!((crate::fake) if let 1 = ready(1) && let Some(x) = Some(1) { x });
    select!((crate::fake) if let 1 = ready(1) && sure || !sure {});
}

async fn nested(sure: bool) {
    select!((crate::fake) if let 1 = if sure { ready(1) } else { ready(2) } {});
}

fn main() {}
