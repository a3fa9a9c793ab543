#[filch_macros::main]
async unsafe fn main() {}

#[filch_macros::main]
const async fn constant() {}

#[filch_macros::main]
async extern "C" fn foreign() {}
