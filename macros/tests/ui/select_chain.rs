//! Mistakes in how branches follow each other.

use filch_macros::select;

async fn nothing() {
    select!((crate::fake));
    select!((crate::fake) biased,);
}

async fn another_dialect() {
    select!((crate::fake) x = ready(1) => x, y = ready(2) => { y });
    select!((crate::fake) if let x = ready(1) => { x });
    select!((crate::fake) biased; if let x = ready(1) { x });
    select!((crate::fake) ready(1));
}

async fn joints() {
    select!((crate::fake) if let 1 = ready(1) {}, if let 2 = ready(2) {});
    select!((crate::fake) if let 1 = ready(1) {} if let 2 = ready(2) {});
    select!((crate::fake) if let 1 = ready(1) {} else);
    select!((crate::fake) if let 1 = ready(1) {} else ready(2));
    select!((crate::fake) if let 1 = ready(1) {} else {} else {});
    select!((crate::fake) if let 1 = ready(1) {} else {} ready(2));
}

fn main() {}
