//! Runs an image under QEMU with input and output files and a time limit.

use super::{BATCH, DeviceError, Locations};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Name of the row file in the scratch folder.
const ROWS: &str = "rows.bin";
/// Name of the file of integers in the scratch folder.
const INTEGERS: &str = "integers.bin";

/// The output of a finished run.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    /// Everything the firmware printed.
    pub stdout: String,
    /// For each row the outputs of all layers.
    pub integers: Vec<u8>,
}

/// Runs `image` on `rows` in the folder `scratch`.
///
/// # Errors
/// [`DeviceError::EmulatorMissing`], [`DeviceError::Timeout`] (the emulator is ended), or
/// [`DeviceError::Firmware`] with the firmware's last output if its exit status is not 0.
pub(super) fn run(
    locations: &Locations,
    image: &Path,
    rows: &[Vec<i8>],
    scratch: &Path,
    limit: Duration,
) -> Result<Transcript, DeviceError> {
    let file = |name: &str| scratch.join(name);
    write_rows(&file(ROWS), rows)?;
    let arguments =
        if rows.is_empty() { String::new() } else { format!(",arg=--rows,arg={ROWS},arg=--integers,arg={INTEGERS}") };
    // Files of an earlier run must not be mistaken for this one's.
    fs::write(file(INTEGERS), []).map_err(|source| DeviceError::Io { path: file(INTEGERS), source })?;

    let mut child = Command::new(&locations.qemu)
        // Relative names: semihosting splits its command line at spaces, which a folder's name may contain.
        .current_dir(scratch)
        .args(locations.board.machine)
        .args(BATCH)
        .arg("-semihosting-config")
        .arg(format!("enable=on,target=native,arg=eyas{arguments}"))
        .arg("-kernel")
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| DeviceError::EmulatorMissing { path: locations.qemu.clone(), reason: source.to_string() })?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = wait(&mut child, limit);
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    let Some(status) = status else { return Err(DeviceError::Timeout { seconds: limit.as_secs() }) };
    if !status.success() {
        let said = if stderr.trim().is_empty() { &stdout } else { &stderr };
        return Err(DeviceError::Firmware { status: status.to_string(), message: said.trim().into() });
    }
    let integers = fs::read(file(INTEGERS)).map_err(|source| DeviceError::Io { path: file(INTEGERS), source })?;
    Ok(Transcript { stdout, integers })
}

/// `u32` count, `u32` inputs, then the rows, one byte per input.
fn write_rows(path: &Path, rows: &[Vec<i8>]) -> Result<(), DeviceError> {
    let inputs = rows.first().map_or(0, Vec::len);
    let mut bytes = Vec::with_capacity(8 + rows.len() * inputs);
    bytes.extend((rows.len() as u32).to_le_bytes());
    bytes.extend((inputs as u32).to_le_bytes());
    for row in rows {
        if row.len() != inputs {
            return Err(DeviceError::RowLength { expected: inputs, found: row.len() });
        }
        bytes.extend(row.iter().map(|&value| value as u8));
    }
    fs::write(path, bytes).map_err(|source| DeviceError::Io { path: path.into(), source })
}

/// Reads a stream to its end on a separate thread, so that a full pipe cannot block the emulator.
fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe ends the text early; the exit status and the summary decide what that means.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the process; after `limit`, kills it and returns `None`.
fn wait(child: &mut std::process::Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            _ => {
                // The process has either exited already, or this kills it.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::CORTEX_M4;
    use super::{DeviceError, Locations, run};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, Instant};

    fn run_script(body: &str, limit: Duration) -> Result<super::Transcript, DeviceError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("emulator");
        fs::write(&script, format!("#!/bin/sh\n{body}\n")).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("made executable");
        let locations = Locations { board: &CORTEX_M4, firmware: folder.path().into(), qemu: script };
        run(&locations, Path::new("image.elf"), &[vec![1, 2]], folder.path(), limit)
    }

    // One test, not two: a script must not be open for writing while another thread starts a process.
    #[test]
    fn an_endless_run_is_stopped_and_last_words_are_kept() {
        let start = Instant::now();
        let run = run_script("exec sleep 60", Duration::from_millis(200));
        assert!(matches!(run, Err(DeviceError::Timeout { .. })), "{run:?}");
        assert!(start.elapsed() < Duration::from_secs(30));
        match run_script("echo 'error: self-test' >&2; exit 1", Duration::from_secs(30)) {
            Err(DeviceError::Firmware { message, .. }) => assert_eq!(message, "error: self-test"),
            other => panic!("{other:?}"),
        }
    }
}
