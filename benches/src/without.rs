//! Which of filch's policies a measurement is to do without: how a regression is bisected.
//!
//! `FILCH_BENCH_WITHOUT=linger,hot_slot` switches these two off wherever [`Filch`](crate::peer::Filch) starts. The names are
//! those of [`filch::Policies`], and `block_on_helps` for [`filch::Builder::block_on_helps`].

use std::env;

use filch::{Builder, Policies, Runtime};

/// The variable that names them, with commas between.
pub const VARIABLE: &str = "FILCH_BENCH_WITHOUT";

/// What no field of [`Policies`] is, and can be switched off all the same.
const BLOCK_ON_HELPS: &str = "block_on_helps";

/// What filch is started with, by the environment.
///
/// # Errors
/// The sentence that names the policy that there is not.
pub fn builder() -> Result<Builder, String> {
    switched_off(&names())
}

/// The names of what is switched off, or none.
///
/// # Errors
/// As [`builder`].
pub fn checked_names() -> Result<Option<String>, String> {
    let names = names();
    switched_off(&names)?;
    Ok((!names.is_empty()).then_some(names))
}

fn names() -> String {
    env::var_os(VARIABLE).map_or_else(String::new, |names| names.to_string_lossy().into_owned())
}

fn switched_off(names: &str) -> Result<Builder, String> {
    let mut builder = Runtime::builder();
    let mut policies = Policies::default();
    for name in names.split(',').filter(|_| !names.is_empty()) {
        if name == BLOCK_ON_HELPS {
            builder = builder.block_on_helps(false);
        } else if let Some((_, switch)) = policies.switches().find(|(known, _)| *known == name) {
            *switch = false;
        } else {
            return Err(format!("{VARIABLE}: no policy is called {name:?}; there are {}", known()));
        }
    }
    Ok(builder.policies(policies))
}

fn known() -> String {
    let mut policies = Policies::default();
    let names = policies.switches().map(|(name, _)| name);
    names.chain([BLOCK_ON_HELPS]).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{known, switched_off};

    #[test]
    fn every_name_is_taken_and_does_something() {
        let shown = |names: &str| format!("{:?}", switched_off(names).expect("they are known"));
        for name in known().split(", ") {
            assert_ne!(shown(name), shown(""), "{name} switches nothing off");
        }
        assert_ne!(shown("linger,hot_slot"), shown("linger"));
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        for (names, named) in
            [("ligner", "\"ligner\""), ("linger, hot_slot", "\" hot_slot\""), (",linger", "\"\"")]
        {
            let refused = switched_off(names).expect_err("there is no such policy");
            assert!(refused.contains(named) && refused.contains("linger"), "{refused}");
        }
    }
}
