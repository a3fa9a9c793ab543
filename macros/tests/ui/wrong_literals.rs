#[filch_macros::main(workers = "four", name = 'x', crate = filch)]
async fn main() {}

#[filch_macros::main(workers = -1, name = b"x", crate = "a b")]
async fn second() {}

#[filch_macros::main(workers, name =, crate("x"), "workers", , workers = 4)]
async fn third() {}

#[filch_macros::main(workers = 1 + 1, name: "x", crate = "::")]
async fn fourth() {}
