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

#[filch_macros::main(crate = "fake", wokers = 4)]
async fn main() {
    let number: u8 = "the body is checked although the options are wrong";
}
