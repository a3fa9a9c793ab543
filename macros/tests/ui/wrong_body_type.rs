mod fake {
    pub mod __private {
        pub struct Options {
            pub workers: Option<usize>,
            pub name: Option<&'static str>,
            pub timeout: Option<std::time::Duration>,
        }

        pub fn run_main<F: Future>(_: Options, _: F) -> F::Output {
            unimplemented!()
        }
    }
}

#[filch_macros::main(crate = "fake")]
async fn main() -> Result<(), std::num::ParseIntError> {
    let number: u8 = "7".parse()?;
    number
}
