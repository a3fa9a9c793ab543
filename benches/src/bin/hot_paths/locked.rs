//! Which instructions lock: those that change memory atomically, and full fences, which cost the same.

use std::collections::HashSet;
use std::process::Command;

/// The addresses of an object file's locked instructions, as objdump shows them.
///
/// # Errors
/// When objdump is not there or does not know the file.
pub(crate) fn addresses(object: &str) -> Result<HashSet<u64>, String> {
    let output = Command::new("objdump").args(["-d", "--no-show-raw-insn", object]).output();
    let output = output.map_err(|error| format!("objdump cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("objdump of {object}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Lines are `  address:\tinstruction`.
fn parse(text: &str) -> HashSet<u64> {
    let locked = |line: &str| {
        let (address, instruction) = line.split_once(':')?;
        is_locked(instruction.trim()).then(|| u64::from_str_radix(address.trim(), 16).ok()).flatten()
    };
    text.lines().filter_map(locked).collect()
}

fn is_locked(instruction: &str) -> bool {
    match instruction.split_whitespace().next() {
        Some("lock" | "mfence") => true,
        // With memory it locks without being told; between registers it is a move.
        Some(name) if name.starts_with("xchg") => instruction.contains('('),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_locks_is_told_from_what_does_not() {
        let text = "\
program:     file format elf64-x86-64

0000000000001000 <main>:
    1000:\tlock cmpxchg %rcx,(%rdi)
    1005:\txchg   %rax,0x8(%rsi)
    1009:\txchg   %ax,%ax
    100b:\tlock orl $0x0,-0x40(%rsp)
    1011:\tmfence
    1014:\tmov    (%rdi),%rax
    1017:\txchg   %al,0x1234(%rip)        # 2251 <LOCK>
";
        assert_eq!(parse(text), [0x1000, 0x1005, 0x100b, 0x1011, 0x1017].into());
    }
}
