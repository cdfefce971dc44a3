//! Builds the firmware with a student inside and runs it on an emulated board.
//!
//! Depends only on `trusted` in this crate. Success means that the firmware ran to its end, contained exactly the given
//! file, passed its self-test and answered every row; the caller checks whether the answers are right.

mod board;
mod emulator;
mod error;
mod summary;
mod toolchain;

pub use board::{BATCH, BOARDS, Board, CORTEX_M0, CORTEX_M3, CORTEX_M4, CORTEX_M55, RISCV32};
pub use error::DeviceError;
pub use summary::DeviceRun;
pub use toolchain::{Kind, Toolchain};

use crate::trusted;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Longest run of the emulator; a thousand rows take seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// Lines of a failed build that are shown.
const BUILD_TAIL: usize = 30;

/// A board, and the places of everything for a run on it.
#[derive(Clone, Debug)]
pub struct Locations {
    /// The board.
    pub board: &'static Board,
    /// The repository's `firmware` folder.
    pub firmware: PathBuf,
    /// The emulator: a path, or a name to be found on `PATH`.
    pub qemu: PathBuf,
}

impl Locations {
    /// Finds the parts: `EYAS_FIRMWARE` and `EYAS_QEMU` if `variable` has them, otherwise the repository that built
    /// this program (see [`trusted::repository`]) and the board's emulator on `PATH`. Pass [`env::var_os`].
    ///
    /// # Errors
    /// [`DeviceError::FirmwareFolderMissing`], [`DeviceError::EmulatorMissing`].
    pub fn find(
        board: &'static Board,
        variable: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, DeviceError> {
        let firmware = variable("EYAS_FIRMWARE")
            .map(PathBuf::from)
            .or_else(|| Some(trusted::repository()?.join("firmware")))
            .unwrap_or_else(|| PathBuf::from("<the repository that built this program>/firmware"));
        if !firmware.join(board.folder()).is_dir() {
            return Err(DeviceError::FirmwareFolderMissing { path: firmware });
        }
        let qemu = variable("EYAS_QEMU").map_or_else(|| PathBuf::from(board.emulator), PathBuf::from);
        // Absolute, since the emulator starts in another folder.
        let qemu =
            trusted::program(&qemu).ok_or(DeviceError::EmulatorMissing { path: qemu, reason: "not found".into() })?;
        Ok(Self { board, firmware, qemu })
    }

    /// The target folder of everything built for bare metal.
    #[must_use]
    pub fn target_dir(&self) -> PathBuf {
        self.firmware.join("target")
    }
}

/// An image built for the device.
#[derive(Clone, Debug)]
pub struct Image {
    /// The ELF file, a copy that later builds do not change.
    pub path: PathBuf,
}

/// Builds one binary of the firmware with `student` inside and copies it to `to`.
///
/// `settings` are further environment variables, such as `CARGO_PROFILE_RELEASE_OPT_LEVEL`. Builds of several
/// processes wait for each other. Progress goes to standard error.
///
/// # Errors
/// Something missing, or [`DeviceError::Build`] with the compiler's output.
pub fn build(
    student: &Path,
    binary: &str,
    settings: &[(&str, &str)],
    locations: &Locations,
    to: &Path,
) -> Result<Image, DeviceError> {
    let board = locations.board;
    let toolchain = Toolchain::find(board.target)?;
    toolchain.check_linker()?;
    let student = student.canonicalize().map_err(|source| DeviceError::Student { path: student.into(), source })?;
    let target_dir = locations.target_dir();
    // Between the end of cargo and the copy, another process could build an image with another student.
    let lock = target_dir.join("build.lock");
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| DeviceError::Io { path, source }
    };
    fs::create_dir_all(&target_dir).map_err(io(&target_dir))?;
    let guard = File::create(&lock).map_err(io(&lock))?;
    guard.lock().map_err(io(&lock))?;
    let folder = board.folder();
    crate::output::tell(format_args!("building firmware/{folder} ({binary}) with {}", student.display()));
    let output = toolchain
        .cargo_build(&locations.firmware.join(board.folder()), &target_dir)
        .args(["--quiet", "--release", "--bin", binary])
        .env("EYAS_STUDENT", &student)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| DeviceError::Build { tail: format!("cannot start cargo: {source}") })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(BUILD_TAIL)..].join("\n");
        return Err(DeviceError::Build { tail });
    }
    let built = target_dir.join(board.target).join("release").join(binary);
    fs::copy(&built, to).map_err(io(&built))?;
    drop(guard);
    Ok(Image { path: to.into() })
}

/// Builds the firmware with `student_file` inside and runs it on `rows` in the emulator.
///
/// # Shapes
/// - `rows`: `[rows][inputs]`, in the integers of the file's input scale; none measures the golden vectors
/// - `outputs_per_row`: outputs of all layers together
///
/// # Errors
/// See [`DeviceError`]; a failed self-test on the device is [`DeviceError::Firmware`].
pub fn run(
    student_file: &Path,
    rows: &[Vec<i8>],
    outputs_per_row: usize,
    locations: &Locations,
) -> Result<DeviceRun, DeviceError> {
    let student =
        fs::read(student_file).map_err(|source| DeviceError::Student { path: student_file.into(), source })?;
    let scratch = Scratch::create(&locations.target_dir())?;
    let image = build(student_file, "qemu", &[], locations, &scratch.0.join("image.elf"))?;
    let transcript = emulator::run(locations, &image.path, rows, &scratch.0, TIME_LIMIT)?;
    let last = transcript.stdout.lines().last().unwrap_or_default();
    // The image holds the student in the order of this core's kernels. A file that cannot be packed is built in
    // unchanged.
    let built_in = eyas::model::pack(&student, locations.board.layout).unwrap_or(student);
    let mut run = summary::parse(last, &built_in, rows.len())?;
    summary::expect("bytes of integers", (rows.len() * outputs_per_row) as u64, transcript.integers.len() as u64)?;
    run.outputs = transcript
        .integers
        .chunks_exact(outputs_per_row.max(1))
        .map(|row| row.iter().map(|&value| value as i8).collect())
        .collect();
    Ok(run)
}

/// A folder for the files of one run, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn create(target_dir: &Path) -> Result<Self, DeviceError> {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = target_dir.join("runs").join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&path).map_err(|source| DeviceError::Io { path: path.clone(), source })?;
        // The emulator runs inside it, where a relative path would no longer lead to the image.
        let path = path.canonicalize().map_err(|source| DeviceError::Io { path, source })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A remaining folder only costs a few megabytes under `target`.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads the settings of a run from the process environment; see [`Locations::find`].
///
/// # Errors
/// As [`Locations::find`].
pub fn locations(board: &'static Board) -> Result<Locations, DeviceError> {
    Locations::find(board, env::var_os)
}

/// Checks that this machine has everything for a run on `board`: firmware, emulator, compiler and linker.
///
/// # Errors
/// The first thing that is missing.
pub fn check(board: &'static Board) -> Result<(), DeviceError> {
    locations(board)?;
    Toolchain::find(board.target)?.check_linker()
}
