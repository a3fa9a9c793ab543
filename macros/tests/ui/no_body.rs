trait Program {
    #[filch_macros::main]
    async fn run() -> u8;
}

fn main() {}
