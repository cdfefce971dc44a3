//! Sizes from a linked image: flash, static RAM, single functions.

use anyhow::{Context, Result, ensure};
use std::path::Path;

/// The sizes of a 32-bit little-endian ELF image.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// Code and constants.
    pub flash: u32,
    /// Static data.
    pub ram: u32,
    /// Every function with its size.
    pub functions: Vec<(String, u32)>,
}

const ALLOCATED: u32 = 2;
const WRITABLE: u32 = 1;
const SYMBOLS: u32 = 2;
const FUNCTION: u8 = 2;

impl Sizes {
    /// Reads `image`.
    ///
    /// # Errors
    /// A file that cannot be read or is not such an image.
    pub fn read(image: &Path) -> Result<Self> {
        let file = std::fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
        Self::parse(&file).with_context(|| format!("{} is not a 32-bit ELF image", image.display()))
    }

    fn parse(file: &[u8]) -> Result<Self> {
        ensure!(file.starts_with(b"\x7fELF\x01\x01"), "no ELF magic");
        let (table, entry) = (word(file, 32)? as usize, usize::from(half(file, 46)?));
        let count = usize::from(half(file, 48)?);
        let section = |index: usize| -> Result<[u32; 10]> {
            let mut fields = [0; 10];
            for (at, field) in fields.iter_mut().enumerate() {
                *field = word(file, table + index * entry + at * 4)?;
            }
            Ok(fields)
        };
        let mut sizes = Self::default();
        for index in 0..count {
            let [_, kind, flags, _, offset, size, link, ..] = section(index)?;
            if flags & ALLOCATED != 0 {
                *(if flags & WRITABLE == 0 { &mut sizes.flash } else { &mut sizes.ram }) += size;
            }
            if kind == SYMBOLS {
                let names = section(link as usize)?[4] as usize;
                for at in (offset as usize..(offset + size) as usize).step_by(16) {
                    let kind = *file.get(at + 12).context("truncated")? & 15;
                    if kind == FUNCTION {
                        let name = file.get(names + word(file, at)? as usize..).context("truncated")?;
                        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
                        sizes.functions.push((String::from_utf8_lossy(name).into(), word(file, at + 8)?));
                    }
                }
            }
        }
        Ok(sizes)
    }

    /// Bytes of the functions in module `module` of crate `eyas`, by their mangled names.
    pub fn of_module(&self, module: &str) -> u32 {
        let path = format!("{}{module}", module.len());
        // The first path in a name is the function's own; later ones are its type arguments.
        let stands = |name: &str| name.split_once("4eyas").is_some_and(|(_, rest)| rest.starts_with(&path));
        self.functions.iter().filter(|(name, _)| stands(name)).map(|(_, size)| size).sum()
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk).context("truncated")?;
    Ok(u32::from_le_bytes(*found))
}

fn half(bytes: &[u8], at: usize) -> Result<u16> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk).context("truncated")?;
    Ok(u16::from_le_bytes(*found))
}
