#[filch_macros::main]
struct Program;

#[filch_macros::main]
pub const X: u8 = 1;

#[filch_macros::test]
mod tests {}

#[filch_macros::main]
unsafe impl Send for Program {}

#[filch_macros::main]
extern crate std as standard;

fn main() {}
