#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| filch_tests::fuzz::run("readiness", data));
