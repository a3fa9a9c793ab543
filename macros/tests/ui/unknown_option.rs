#[filch_macros::main(threads = 4, flavor = "current_thread", timeout = "5s")]
async fn main() {}
