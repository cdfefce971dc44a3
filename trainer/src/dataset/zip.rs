//! The zip container of an `.npz` archive, read to the last byte or refused.
//!
//! Zip readers are usually lenient: they skip bytes between members, take the last of two members with one name, and
//! compare a checksum only if somebody reads to the end. Here every byte is accounted for. Members follow one another
//! from the first byte on, each agrees with its directory record, the directory follows them, and its end is the end of
//! the file. Every member is compared with its CRC-32 whenever it is read.
//!
//! ```text
//! (local header | name | extra | data | data descriptor, if flag 3 is set)*
//! (directory record | name | extra)*  zip64 end and its locator, if a number needs them  end (22 bytes)
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// Largest directory that is read, in bytes: 65,535 names of a kilobyte.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const RECORD: &[u8; 4] = b"PK\x01\x02";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
const END: &[u8; 4] = b"PK\x05\x06";
const END_64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR_64: &[u8; 4] = b"PK\x06\x07";

/// Flags that change nothing here: the compression level, sizes after the data, a name in UTF-8.
const KNOWN_FLAGS: u16 = 0b1000_0000_1110;
const SIZES_BEHIND: u16 = 0b1000;

/// Why a container is refused.
#[derive(Debug)]
pub(super) enum ZipFault {
    /// The operating system refused to read.
    Read(io::Error),
    /// Two members have one name.
    Twice(String),
    /// It is not a sound archive; holds what was found.
    Damaged(String),
}

impl From<io::Error> for ZipFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("an archive that is cut short".to_owned()),
            _ => Self::Read(error),
        }
    }
}

fn damaged<T>(found: impl Into<String>) -> Result<T, ZipFault> {
    Err(ZipFault::Damaged(found.into()))
}

/// An archive whose layout has been checked.
#[derive(Debug)]
pub(super) struct ZipFile {
    file: File,
    members: Vec<Member>,
    positions: HashMap<String, usize>,
}

/// A member as the directory describes it.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name.
    pub name: String,
    /// Uncompressed bytes.
    pub bytes: u64,
    /// Bytes in the file.
    pub stored: u64,
    deflated: bool,
    crc: u32,
    /// Where its local header starts.
    header: u64,
    /// Where its data start; known once the local header has been read.
    data: u64,
    flags: u16,
    /// Time and date, which the local header repeats.
    moment: u32,
}

impl ZipFile {
    /// Checks the layout of an archive of `length` bytes without reading a member.
    pub(super) fn open(file: File, length: u64) -> Result<Self, ZipFault> {
        let (directory, end, count) = find_directory(&file, length)?;
        let mut bytes = vec![0; usize::try_from(end - directory).unwrap_or(usize::MAX)];
        read_at(&file, directory, &mut bytes)?;
        let mut rest = bytes.as_slice();
        let mut members = Vec::new();
        while !rest.is_empty() {
            members.push(record(&mut rest)?);
        }
        if members.len() as u64 != count {
            return damaged(format!("a directory of {} members that counts {count}", members.len()));
        }
        members.sort_by_key(|member| member.header);
        let mut positions = HashMap::with_capacity(members.len());
        for (position, member) in members.iter().enumerate() {
            if positions.insert(member.name.clone(), position).is_some() {
                return Err(ZipFault::Twice(member.name.clone()));
            }
        }
        let starts: Vec<u64> = members.iter().skip(1).map(|member| member.header).chain([directory]).collect();
        let mut at = 0;
        for (member, next) in members.iter_mut().zip(starts) {
            if member.header != at {
                return damaged(format!("bytes that belong to no member before `{}`", member.name));
            }
            member.data = local_header(&file, member)?;
            let end = member.data.checked_add(member.stored).filter(|&end| end <= next);
            let Some(end) = end else { return damaged(format!("member `{}`, which is cut short", member.name)) };
            descriptor(&file, member, end, next)?;
            at = next;
        }
        if at != directory {
            return damaged("bytes that belong to no member");
        }
        Ok(Self { file, members, positions })
    }

    /// The members in the order of the file.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Position of a member by its name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// A reader of a member's content; it reaches its end only if the checksum is right.
    pub(super) fn read(&mut self, position: usize) -> io::Result<MemberReader<'_>> {
        let member = &self.members[position];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(member.data))?;
        let stored = BufReader::with_capacity(64 << 10, file.take(member.stored));
        let source =
            if member.deflated { Source::Deflated(DeflateDecoder::new(stored)) } else { Source::Stored(stored) };
        Ok(MemberReader { source, left: member.bytes, stored: member.stored, crc: Crc::new(), expected: member.crc })
    }
}

/// Reads one member.
pub(super) struct MemberReader<'a> {
    source: Source<'a>,
    /// Remaining bytes according to the directory.
    left: u64,
    stored: u64,
    crc: Crc,
    expected: u32,
}

enum Source<'a> {
    Stored(BufReader<Take<&'a File>>),
    Deflated(DeflateDecoder<BufReader<Take<&'a File>>>),
}

impl Read for MemberReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wrong = |found: &str| Err(io::Error::new(io::ErrorKind::InvalidData, found));
        if out.is_empty() {
            return Ok(0);
        }
        let (count, taken) = match &mut self.source {
            Source::Stored(source) => (source.read(out)?, self.stored),
            Source::Deflated(source) => (source.read(out)?, source.total_in()),
        };
        let Some(left) = self.left.checked_sub(count as u64) else {
            return wrong("more bytes than the archive's directory says");
        };
        self.left = left;
        self.crc.update(&out[..count]);
        if count > 0 {
            return Ok(count);
        }
        if left > 0 {
            return wrong("fewer bytes than the archive's directory says");
        }
        if self.crc.sum() != self.expected {
            return wrong("a checksum (CRC-32) that differs from the archive's directory");
        }
        if taken != self.stored {
            return wrong("bytes after the end of the compressed data");
        }
        Ok(0)
    }
}

/// Start and end of the directory and the number of its records.
fn find_directory(file: &File, length: u64) -> Result<(u64, u64, u64), ZipFault> {
    let mut bytes = [0; 22];
    let Some(end) = length.checked_sub(bytes.len() as u64) else { return damaged(format!("{length} bytes")) };
    read_at(file, end, &mut bytes)?;
    let mut fields = &bytes[..];
    if take(&mut fields)? != *END || bytes[20..] != [0, 0] {
        return damaged("no end record: not an archive, a truncated one, or one with bytes after its end");
    }
    let (disk, first_disk) = (u16_of(&mut fields)?, u16_of(&mut fields)?);
    let (here, count) = (u16_of(&mut fields)?, u16_of(&mut fields)?);
    let (size, start) = (u32_of(&mut fields)?, u32_of(&mut fields)?);
    if (disk, first_disk, here) != (0, 0, count) {
        return damaged("an archive in several pieces");
    }
    let large = count == u16::MAX || size == u32::MAX || start == u32::MAX;
    let (start, size, count, end) = if large {
        let (start_64, size_64, count_64, end_64) = end_64(file, end)?;
        let fits = |small: u64, most: u64, large: u64| small == most || small == large;
        if !fits(count.into(), u16::MAX.into(), count_64)
            || !fits(size.into(), u32::MAX.into(), size_64)
            || !fits(start.into(), u32::MAX.into(), start_64)
        {
            return damaged("two end records that contradict one another");
        }
        (start_64, size_64, count_64, end_64)
    } else {
        (start.into(), size.into(), count.into(), end)
    };
    if start.checked_add(size) != Some(end) {
        return damaged("a directory that does not end where its end record starts");
    }
    if size > MAX_DIRECTORY_BYTES {
        return damaged(format!("a directory of {size} bytes, more than {MAX_DIRECTORY_BYTES}"));
    }
    Ok((start, end, count))
}

/// Start, size and count of the directory from the zip64 end record, and where that record starts.
fn end_64(file: &File, end: u64) -> Result<(u64, u64, u64, u64), ZipFault> {
    const RECORD_BYTES: u64 = 56;
    let mut bytes = [0; RECORD_BYTES as usize + 20];
    let Some(at) = end.checked_sub(bytes.len() as u64) else { return damaged("an archive that is cut short") };
    read_at(file, at, &mut bytes)?;
    let mut fields = &bytes[..];
    let signature = take(&mut fields)?;
    let own_size = u64_of(&mut fields)?;
    let _versions = u32_of(&mut fields)?;
    let disks = u64_of(&mut fields)?;
    let (here, count) = (u64_of(&mut fields)?, u64_of(&mut fields)?);
    let (size, start) = (u64_of(&mut fields)?, u64_of(&mut fields)?);
    let locator = take(&mut fields)?;
    let (locator_disk, located, locator_disks) = (u32_of(&mut fields)?, u64_of(&mut fields)?, u32_of(&mut fields)?);
    // The record's size does not include its signature and the size field itself.
    let sound = signature == *END_64 && own_size == RECORD_BYTES - 12 && disks == 0 && here == count;
    if !sound || locator != *LOCATOR_64 || (locator_disk, located, locator_disks) != (0, at, 1) {
        return damaged("an invalid zip64 end record");
    }
    Ok((start, size, count, at))
}

/// The next record of the directory.
fn record(rest: &mut &[u8]) -> Result<Member, ZipFault> {
    if take(rest)? != *RECORD {
        return damaged("a directory with other bytes between its records");
    }
    let _versions = u32_of(rest)?;
    let (flags, method, moment) = (u16_of(rest)?, u16_of(rest)?, u32_of(rest)?);
    let crc = u32_of(rest)?;
    let (mut stored, mut bytes) = (u64::from(u32_of(rest)?), u64::from(u32_of(rest)?));
    let (name, extra, comment) = (u16_of(rest)?, u16_of(rest)?, u16_of(rest)?);
    let (disk, _kind) = (u16_of(rest)?, u16_of(rest)?);
    let _attributes = u32_of(rest)?;
    let mut header = u64::from(u32_of(rest)?);
    let name = cut(rest, name.into())?;
    let Ok(name) = std::str::from_utf8(name) else { return damaged("a member whose name is not UTF-8") };
    let extra = cut(rest, extra.into())?;
    zip64(extra, &mut [&mut bytes, &mut stored, &mut header])?;
    if disk != 0 || comment != 0 {
        return damaged(format!("member `{name}` with a comment or in another piece"));
    }
    if flags & !KNOWN_FLAGS != 0 {
        return damaged(format!("member `{name}`, which is encrypted or patched (flags {flags:#06x})"));
    }
    let deflated = match method {
        0 if stored == bytes => false,
        8 => true,
        0 => return damaged(format!("member `{name}`, which takes {stored} bytes to hold {bytes} as they are")),
        _ => return damaged(format!("member `{name}`, compressed by method {method}; stored and deflate are read")),
    };
    Ok(Member { name: name.to_owned(), bytes, stored, deflated, crc, header, data: 0, flags, moment })
}

/// Compares a local header with the directory and returns where the data start.
fn local_header(file: &File, member: &Member) -> Result<u64, ZipFault> {
    let mut bytes = [0; 30];
    read_at(file, member.header, &mut bytes)?;
    let mut fields = &bytes[..];
    let signature = take(&mut fields)?;
    let _version = u16_of(&mut fields)?;
    let (flags, method, moment) = (u16_of(&mut fields)?, u16_of(&mut fields)?, u32_of(&mut fields)?);
    let crc = u32_of(&mut fields)?;
    let (mut stored, mut held) = (u64::from(u32_of(&mut fields)?), u64::from(u32_of(&mut fields)?));
    let (name, extra) = (usize::from(u16_of(&mut fields)?), usize::from(u16_of(&mut fields)?));
    let mut words = vec![0; name + extra];
    read_at(file, member.header + bytes.len() as u64, &mut words)?;
    let (name, extra) = words.split_at(name);
    zip64(extra, &mut [&mut held, &mut stored])?;
    let sizes = (crc, stored, held);
    let known_later = member.flags & SIZES_BEHIND != 0 && sizes == (0, 0, 0);
    let same = signature == *LOCAL
        && (flags, moment, method == 8) == (member.flags, member.moment, member.deflated)
        && (method == 8 || method == 0)
        && name == member.name.as_bytes()
        && (known_later || sizes == (member.crc, member.stored, member.bytes));
    if !same {
        return damaged(format!("member `{}`, whose header contradicts the directory", member.name));
    }
    Ok(member.header + bytes.len() as u64 + words.len() as u64)
}

/// Accounts for the bytes between the end of a member's data and the next record.
fn descriptor(file: &File, member: &Member, end: u64, next: u64) -> Result<(), ZipFault> {
    let between = (next - end) as usize;
    if member.flags & SIZES_BEHIND == 0 {
        return if between == 0 { Ok(()) } else { damaged(format!("bytes after the end of member `{}`", member.name)) };
    }
    let mut bytes = [0; 24];
    let Some(bytes) = bytes.get_mut(..between) else {
        return damaged(format!("bytes after the end of member `{}`", member.name));
    };
    read_at(file, end, bytes)?;
    let small = [member.stored, member.bytes].map(|size| u32::try_from(size).map(u32::to_le_bytes));
    let mut sound = Vec::new();
    for signature in [&DESCRIPTOR[..], &[]] {
        let start = [signature, &member.crc.to_le_bytes()].concat();
        sound.push([&start[..], &member.stored.to_le_bytes(), &member.bytes.to_le_bytes()].concat());
        if let [Ok(stored), Ok(held)] = &small {
            sound.push([&start[..], stored, held].concat());
        }
    }
    if sound.iter().any(|sound| sound.as_slice() == &*bytes) {
        return Ok(());
    }
    damaged(format!("a descriptor after member `{}` that contradicts its directory", member.name))
}

/// Fills in the numbers that are stored as `0xffff_ffff` because they need 64 bits, in order.
fn zip64(mut extra: &[u8], numbers: &mut [&mut u64]) -> Result<(), ZipFault> {
    const ID: u16 = 1;
    let mut large = numbers.iter_mut().filter(|number| ***number == u64::from(u32::MAX)).peekable();
    while !extra.is_empty() && large.peek().is_some() {
        let (id, size) = (u16_of(&mut extra)?, u16_of(&mut extra)?);
        let mut field = cut(&mut extra, size.into())?;
        if id == ID {
            for number in large.by_ref() {
                **number = u64_of(&mut field)?;
            }
        }
    }
    if large.next().is_some() { damaged("a missing 64-bit number") } else { Ok(()) }
}

fn read_at(mut file: &File, at: u64, bytes: &mut [u8]) -> Result<(), ZipFault> {
    file.seek(SeekFrom::Start(at))?;
    Ok(file.read_exact(bytes)?)
}

fn cut<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], ZipFault> {
    match rest.split_at_checked(count) {
        Some((bytes, behind)) => {
            *rest = behind;
            Ok(bytes)
        }
        None => damaged("a record that is cut short"),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ZipFault> {
    let bytes = cut(rest, N)?;
    Ok(bytes.try_into().unwrap_or([0; N]))
}

fn u16_of(rest: &mut &[u8]) -> Result<u16, ZipFault> {
    take(rest).map(u16::from_le_bytes)
}

fn u32_of(rest: &mut &[u8]) -> Result<u32, ZipFault> {
    take(rest).map(u32::from_le_bytes)
}

fn u64_of(rest: &mut &[u8]) -> Result<u64, ZipFault> {
    take(rest).map(u64::from_le_bytes)
}
