//! Bounds the stack of a call from the linked image, with every function's frame and the call graph.
//!
//! The frame of a function is the size that the compiler records (`-Zemit-stack-sizes`) or the sum that its
//! instructions subtract from the stack pointer, whichever is larger; the compiler records nothing for assembly. In
//! assembly, an instruction that takes stack in a loop must release it in the loop. Calls and jumps to other functions
//! are read from the disassembly. Anything without a bound is an error: a call through a pointer, a cycle, an
//! assignment to the stack pointer.
//!
//! Releases of the disassembler differ. Older ones print mapping symbols, which distinguish code from data inside a
//! function; these are not functions, and many share a name. They also leave it to the reader to compute the addresses
//! of two-instruction calls on RISC-V.

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// One function of an image.
#[derive(Debug, Default)]
struct Function {
    frame: u32,
    calls: BTreeSet<u64>,
    /// Why it has no bound, if it has none.
    unbounded: Option<String>,
}

/// The functions of an image by address.
pub struct Functions {
    functions: BTreeMap<u64, Function>,
    names: BTreeMap<u64, String>,
}

impl Functions {
    /// Reads a linked 32-bit image of Arm or RISC-V.
    ///
    /// # Errors
    /// A missing disassembler, an instruction it does not know, or frames without an image.
    pub fn read(image: &Path) -> Result<Self> {
        let disassembler = crate::llvm::disassembler()?;
        let output = Command::new(disassembler).args(["-d", "--no-show-raw-insn"]).arg(image).output()?;
        ensure!(output.status.success(), "llvm-objdump: {}", String::from_utf8_lossy(&output.stderr));
        let mut functions = Self::parse(&String::from_utf8(output.stdout)?)?;
        let bytes = std::fs::read(image)?;
        let file = object::File::parse(&*bytes)?;
        let sizes = file.section_by_name(".stack_sizes").context("no section .stack_sizes in the image")?;
        functions.add_frames(sizes.data()?)?;
        Ok(functions)
    }

    /// Reads the text of llvm-objdump: `ADDRESS <NAME>:` and lines `ADDRESS: MNEMONIC OPERANDS`.
    fn parse(text: &str) -> Result<Self> {
        let mut found = Self { functions: BTreeMap::new(), names: BTreeMap::new() };
        let mut jumps: Vec<(u64, Target<'_>)> = Vec::new();
        let mut start = None;
        let mut upper = None;
        for line in text.lines() {
            if let Some((address, name)) = heading(line) {
                if is_mapping_symbol(name) {
                    continue;
                }
                start = Some(address);
                found.functions.entry(address).or_default();
                found.names.insert(address, name.into());
                continue;
            }
            let (Some(start), Some((address, instruction))) = (start, line.split_once(":")) else { continue };
            let (mnemonic, operands) =
                instruction.trim().split_once(char::is_whitespace).unwrap_or((instruction.trim(), ""));
            let Some(function) = found.functions.get_mut(&start) else { continue };
            function.frame += taken(mnemonic, operands);
            let called = upper.and_then(|upper| second_of_pair(upper, mnemonic, operands));
            if let Some(target) = called.or_else(|| target(mnemonic, operands)) {
                jumps.push((start, target));
            } else if let Some(why) = without_bound(mnemonic, operands) {
                function.unbounded = Some(why);
            }
            upper = first_of_pair(address, mnemonic, operands);
        }
        let addresses: BTreeMap<&str, u64> =
            found.names.iter().map(|(&address, name)| (name.as_str(), address)).collect();
        for (from, target) in jumps {
            let to = match target {
                Target::Address(address) => address,
                Target::Name(name, offset) => {
                    addresses.get(name).with_context(|| format!("a call of {name}, which is not in the image"))?
                        + offset
                }
            };
            // A jump may lead into the middle of a function, since assembly functions share their endings.
            let to = *found.functions.range(..=to).next_back().context("a call before all functions")?.0;
            if to != from
                && let Some(function) = found.functions.get_mut(&from)
            {
                function.calls.insert(to);
            }
        }
        Ok(found)
    }

    /// Reads the compiler's frames: for each function an address and a number in seven bits per byte.
    fn add_frames(&mut self, mut section: &[u8]) -> Result<()> {
        while let Some((address, rest)) = section.split_first_chunk::<4>() {
            // Thumb marks the addresses of its code with the lowest bit.
            let address = u64::from(u32::from_le_bytes(*address) & !1);
            let end = rest.iter().position(|byte| byte & 0x80 == 0).context("a frame without an end")?;
            let (number, behind) = rest.split_at(end + 1);
            let frame = number.iter().rev().fold(0, |frame, byte| frame << 7 | u32::from(byte & 0x7f));
            // Functions that the linker removed keep their entries, with an address that matches no function.
            if let Some(function) = self.functions.get_mut(&address) {
                function.frame = function.frame.max(frame);
            }
            section = behind;
        }
        Ok(())
    }

    /// Most bytes of stack that a call can take, including its own frame, for the one function whose mangled name
    /// contains `name`.
    ///
    /// # Errors
    /// No such function, more than one, or no bound.
    pub fn bound(&self, name: &str) -> Result<u32> {
        let is_it =
            |found: &str| found.split_once(name).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with("17h"));
        let roots: Vec<_> = self.names.iter().filter(|(_, found)| is_it(found)).map(|(&address, _)| address).collect();
        let [root] = roots[..] else { bail!("{} functions are called {name}", roots.len()) };
        self.depth(root, &mut Vec::new(), &mut BTreeMap::new())
    }

    fn depth(&self, at: u64, path: &mut Vec<u64>, known: &mut BTreeMap<u64, u32>) -> Result<u32> {
        if let Some(&depth) = known.get(&at) {
            return Ok(depth);
        }
        let name = || self.names.get(&at).map_or("?", String::as_str);
        ensure!(!path.contains(&at), "{} calls itself: its stack has no bound", name());
        let function = self.functions.get(&at).context("no such function")?;
        if let Some(why) = &function.unbounded {
            bail!("{}: {why}: its stack has no bound", name());
        }
        path.push(at);
        let mut deepest = 0;
        for &call in &function.calls {
            deepest = deepest.max(self.depth(call, path, known)?);
        }
        path.pop();
        known.insert(at, function.frame + deepest);
        Ok(function.frame + deepest)
    }
}

/// `ADDRESS <NAME>:`
fn heading(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// Whether a symbol only marks code (`$a`, `$t`, `$x`) or data (`$d`); `$t.4` and `$xrv32i2p1` are such symbols too.
fn is_mapping_symbol(name: &str) -> bool {
    let rest = name.strip_prefix(['$']).and_then(|name| name.strip_prefix(['a', 'd', 't', 'x']));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with("rv"))
}

/// Bytes that an instruction subtracts from the stack pointer.
fn taken(mnemonic: &str, operands: &str) -> u32 {
    let registers = || registers(operands.split_once('{').map_or("", |(_, list)| list));
    let negative = |text: &str| number(text).filter(|number| *number < 0).map_or(0, |number| number.unsigned_abs());
    match mnemonic.trim_end_matches(".w") {
        "push" => 4 * registers(),
        "stmdb" if operands.starts_with("sp!") => 4 * registers(),
        "vpush" if operands.contains('s') => 4 * registers(),
        "vpush" => 8 * registers(),
        "sub" | "subw" if operands.starts_with("sp,") => {
            operands.rsplit_once('#').and_then(|(_, amount)| number(amount)).map_or(0, i64::unsigned_abs) as u32
        }
        "addi" if operands.starts_with("sp, sp,") => {
            operands.rsplit_once(", ").map_or(0, |(_, amount)| negative(amount)) as u32
        }
        _ => match operands.split_once("[sp, #") {
            Some((_, rest)) if mnemonic.starts_with("st") || mnemonic.starts_with("vst") => {
                rest.split_once("]!").map_or(0, |(amount, _)| negative(amount)) as u32
            }
            _ => 0,
        },
    }
}

/// Why the stack has no bound after an instruction whose target is unknown.
fn without_bound(mnemonic: &str, operands: &str) -> Option<String> {
    let called = match mnemonic {
        "blx" | "jalr" | "jr" => true,
        "bx" => operands.trim() != "lr",
        // On Arm, moves to pc are jumps through a table inside the function; compilers use the other instructions for
        // calls.
        _ => false,
    };
    if called {
        return Some(format!("a call through a pointer, {mnemonic} {operands}"));
    }
    let sets = match mnemonic.trim_end_matches(".w") {
        "mov" | "mv" | "and" | "andi" | "bic" | "ldr" | "lw" => operands.starts_with("sp,"),
        // Restores from a frame pointer.
        "add" | "addi" | "sub" | "subs" => {
            operands.starts_with("sp, ") && !operands["sp, ".len()..].starts_with(['s', '#'])
        }
        _ => false,
    };
    if sets {
        return Some(format!("a stack pointer that is set, {mnemonic} {operands}"));
    }
    (mnemonic == "<unknown>").then(|| "an instruction the disassembler does not know".into())
}

/// The target of a call or a jump.
enum Target<'t> {
    Address(u64),
    /// A symbol and the bytes from it.
    Name(&'t str, u64),
}

/// The explicit target of an instruction: `0xADDRESS <NAME+0xOFFSET>`, or the name alone.
fn target<'t>(mnemonic: &str, operands: &'t str) -> Option<Target<'t>> {
    let jumps = ["b", "cb", "c.b", "c.j", "j", "le", "wls", "tail", "call"];
    let (before, name) = operands.split_once('<').filter(|_| jumps.iter().any(|jump| mnemonic.starts_with(jump)))?;
    let address = before.split_whitespace().next_back().and_then(|word| word.strip_prefix("0x"));
    if let Some(address) = address.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        return Some(Target::Address(address));
    }
    let (name, _) = name.split_once('>')?;
    let (name, offset) = name.split_once("+0x").unwrap_or((name, "0"));
    Some(Target::Name(name, u64::from_str_radix(offset, 16).ok()?))
}

/// The register that RISC-V's `auipc` sets, and its value: the first half of a far call.
fn first_of_pair<'t>(address: &str, mnemonic: &str, operands: &'t str) -> Option<(&'t str, u32)> {
    let (register, pages) = operands.split_once(", ").filter(|_| mnemonic == "auipc")?;
    let address = u32::from_str_radix(address.trim(), 16).ok()?;
    Some((register, address.wrapping_add((number(pages)? as u32) << 12)))
}

/// The target of the second half, `jalr OFFSET(REGISTER)` or `jr`, if it uses the same register.
fn second_of_pair<'t>((register, upper): (&str, u32), mnemonic: &str, operands: &str) -> Option<Target<'t>> {
    let (offset, rest) = operands.split_once('(').filter(|_| matches!(mnemonic, "jalr" | "jr"))?;
    let (found, _) = rest.split_once(')')?;
    let offset = number(offset)? as u32;
    (found == register).then(|| Target::Address(upper.wrapping_add(offset).into()))
}

/// The number of registers in a list such as `r4, r6-r8, lr}` names.
fn registers(list: &str) -> u32 {
    let number = |register: &str| register.trim().get(1..).and_then(|digits| digits.parse::<u32>().ok());
    let count = |part: &str| match part.split_once('-') {
        Some((first, last)) => number(last).zip(number(first)).map_or(16, |(last, first)| last + 1 - first),
        None => 1,
    };
    list.trim_end().trim_end_matches('}').split(',').map(count).sum()
}

/// A number in the disassembler's notation: `0x38`, `-4`, `-0x10`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value =
        digits.strip_prefix("0x").map_or_else(|| digits.parse().ok(), |hex| i64::from_str_radix(hex, 16).ok())?;
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::Functions;

    const THUMB: &str = "\
00000000 <root>:
       0:\tpush\t{r4, r5, r6, r7, lr}
       2:\tsub\tsp, #0x38
       4:\tldr\tr0, [pc, #0x4] @ 0x10 <data+0x4>
       6:\tbl\t0x40 <leaf> @ imm = #0x36
       a:\tb.w\t0x60 <end+0x4> @ imm = #0x10
00000040 <leaf>:
      40:\tstr\tr8, [sp, #-4]!
      44:\tpush.w\t{r8-r11, lr}
      48:\tbx\tlr
0000005c <end>:
      5c:\tsub.w\tsp, sp, #0x100
      60:\tbx\tlr
00000070 <pointer>:
      70:\tblx\tr3
00000080 <again>:
      80:\tbl\t0x90 <other>
00000090 <other>:
      90:\tbl\t0x80 <again>
";

    fn bound(text: &str, name: &str) -> Result<u32, String> {
        Functions::parse(text).unwrap().bound(name).map_err(|error| error.to_string())
    }

    #[test]
    fn the_deepest_callee_counts_with_all_its_instructions() {
        assert_eq!(bound(THUMB, "leaf"), Ok(24));
        assert_eq!(bound(THUMB, "root"), Ok(20 + 0x38 + 0x100));
    }

    #[test]
    fn the_compiler_s_frame_counts_where_it_is_more() {
        let mut functions = Functions::parse(THUMB).unwrap();
        functions.add_frames(&[0x41, 0, 0, 0, 0x80, 2, 1, 0, 0, 0, 7]).unwrap();
        assert_eq!(functions.bound("leaf").unwrap(), 256);
        assert_eq!(functions.bound("root").unwrap(), 20 + 0x38 + 256);
    }

    #[test]
    fn what_has_no_bound_is_an_error() {
        assert!(bound(THUMB, "pointer").unwrap_err().contains("through a pointer"));
        assert!(bound(THUMB, "again").unwrap_err().contains("calls itself"));
        assert!(bound(THUMB, "missing").unwrap_err().starts_with("0 functions"));
        let set = "00000000 <f>:\n       0:\tmov\tsp, r4\n";
        assert!(bound(set, "f").unwrap_err().contains("is set"));
    }

    /// As LLVM 14 prints it: `$t` and `$d` are headings, and the nearest symbol of a jump.
    #[test]
    fn symbols_that_tell_code_from_data_are_no_functions() {
        let text = "\
00000000 <root>:
       0:\tpush\t{r4, lr}
       2:\tbeq\t0x10 <$t> @ imm = #10
       4:\tbl\t0x40 <leaf> @ imm = #0x38

0000000c <$d.1>:
       c:\t78 56 34 12\t.word\t0x12345678

00000010 <$t>:
      10:\tsub\tsp, #8
      12:\tb\t0x24 <$t+0x4> @ imm = #14
      14:\tbl\t0x44 <$t+0x4> @ imm = #0x2e

00000020 <$t>:
      20:\tbl\t0x40 <leaf> @ imm = #0x1c
      24:\tbx\tlr

00000040 <leaf>:
      40:\tbeq\t0x44 <$t+0x4> @ imm = #0
      44:\tpush\t{r4, lr}
      48:\tbx\tlr

00000060 <$xrv32i2p1_c2p0>:
      60:\tpush\t{r4, lr}
";
        assert_eq!(bound(text, "leaf"), Ok(16));
        assert_eq!(bound(text, "root"), Ok(8 + 8 + 16));
    }

    #[test]
    fn risc_v_calls_by_pairs_and_takes_by_addi() {
        let text = "80000000 <f>:\n80000000: \taddi\tsp, sp, -0x20\n80000002: \tauipc\tra, 0x0\n\
                    80000006: \tjalr\t0x5d6(ra) <g>\n8000000a: \taddi\tsp, sp, 0x20\n\
                    80000100 <g>:\n80000100: \taddi\tsp, sp, -0x10\n80000102: \tret\n";
        assert_eq!(bound(text, "f"), Ok(0x30));
        // LLVM 14 names neither the function nor its address; a tail call takes another register.
        let old = "80000000 <f>:\n80000000: \taddi\tsp, sp, -32\n80000002: \tauipc\tra, 1\n\
                   80000006: \tjalr\t-3842(ra)\n8000000a: \taddi\tsp, sp, 32\n8000000c: \tauipc\tt1, 1048575\n\
                   80000010: \tjr\t4084(t1)\n\
                   80000100 <g>:\n80000100: \taddi\tsp, sp, -16\n80000102: \tret\n\
                   80001000 <h>:\n80001000: \tauipc\tra, 0\n80001004: \tjalr\t8(t0)\n\
                   80001008 <i>:\n80001008: \tjalr\t8(ra)\n";
        assert_eq!(bound(old, "g"), Ok(0x10));
        assert_eq!(bound(&old.replace("4084(t1)", "244(t1)").replace("1048575", "0"), "f"), Ok(0x30));
        assert!(bound(old, "h").unwrap_err().contains("through a pointer"));
        assert!(bound(old, "i").unwrap_err().contains("through a pointer"));
    }
}
