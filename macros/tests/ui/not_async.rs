#[filch_macros::main]
fn main() {}
