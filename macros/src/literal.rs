//! The values that options take. Plain text in, so that tests need no compiler.

use std::time::Duration;

/// What stands between the quotes of a string literal, if `source` is one without escapes.
pub(crate) fn plain_string(source: &str) -> Option<&str> {
    if let Some(raw) = source.strip_prefix('r') {
        let text = raw.trim_start_matches('#');
        let hashes = raw.len() - text.len();
        return text.strip_prefix('"')?.strip_suffix(&raw[..hashes])?.strip_suffix('"');
    }
    let text = source.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then_some(text)
}

/// Whether `source` is a string literal: not one of bytes, nor a C string, nor a suffixed one.
pub(crate) fn is_string(source: &str) -> bool {
    (source.starts_with('"') && source.ends_with('"'))
        || (source.starts_with('r') && plain_string(source).is_some())
}

/// The value of an integer literal of no type or of type `usize`.
pub(crate) fn whole_number(source: &str) -> Option<usize> {
    let digits: String = source.chars().filter(|&c| c != '_').collect();
    let digits = digits.strip_suffix("usize").unwrap_or(&digits);
    let radixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let (digits, radix) = radixes
        .iter()
        .find_map(|&(prefix, radix)| Some((digits.strip_prefix(prefix)?, radix)))
        .unwrap_or((digits, 10));
    usize::from_str_radix(digits, radix).ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_hexdigit()))
}

/// A length of time as `"5s"` says it.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    if digits.is_empty() {
        return Err("begins with no whole number");
    }
    let number: u64 = digits.parse().map_err(|_| "is too long a time")?;
    if number == 0 {
        return Err("leaves the test no time");
    }
    let seconds = |each| number.checked_mul(each).map(Duration::from_secs).ok_or("is too long a time");
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "" => Err("has no unit"),
        _ => Err("has a unit that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, is_string, plain_string, whole_number};
    use std::time::Duration;

    #[test]
    fn strings() {
        assert_eq!(plain_string(r#""a b""#), Some("a b"));
        assert_eq!(plain_string(r##"r#"a"b"#"##), Some("a\"b"));
        assert_eq!(plain_string(r#"r"a\b""#), Some("a\\b"));
        assert_eq!(plain_string(r#""""#), Some(""));
        for not_plain in [r#""a\n""#, r#"b"a""#, "'a'", "4", r#""a"suffix"#, r#"c"a""#, "\""] {
            assert_eq!(plain_string(not_plain), None, "{not_plain}");
        }
        assert!(is_string(r#""a\n""#) && is_string(r#""""#) && is_string(r##"r#"a"#"##));
        assert!(!is_string(r#"b"a""#) && !is_string("'a'") && !is_string("4") && !is_string(r#"br"a""#));
    }

    #[test]
    fn whole_numbers() {
        for (source, value) in
            [("4", 4), ("4usize", 4), ("1_000", 1000), ("0x1F", 31), ("0b101", 5), ("0o17", 15), ("0", 0)]
        {
            assert_eq!(whole_number(source), Some(value), "{source}");
        }
        for wrong in
            ["4.0", "4u8", "\"4\"", "'4'", "99999999999999999999999", "1e3", "0x", "-4", "+4", "0x+4"]
        {
            assert_eq!(whole_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("18446744073709551615s"), Ok(Duration::from_secs(u64::MAX)));
        for (text, why) in [
            ("", "number"),
            ("s", "number"),
            ("-5s", "number"),
            ("5", "no unit"),
            ("5 s", "not known"),
            ("5sec", "not known"),
            ("1.5s", "not known"),
            ("0s", "no time"),
            ("18446744073709551615m", "too long"),
            ("99999999999999999999999s", "too long"),
        ] {
            let said = duration(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
