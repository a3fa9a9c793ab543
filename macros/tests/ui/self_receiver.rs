struct Program;

impl Program {
    #[filch_macros::main]
    async fn run(&mut self) {}
}

fn main() {}
