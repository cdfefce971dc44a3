//! Finds ONNX Runtime's library, and examines a file before it is loaded.

use super::error::RuntimeError;
use crate::bounded;
use crate::trusted;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Environment variable that names the library.
pub const ENVIRONMENT: &str = "ORT_DYLIB_PATH";
/// The Python environment of `cargo xtask setup`, inside the repository.
pub const WORKSPACE_VENV: &str = "target/onnxruntime-venv";
/// Oldest supported library, 1.NN.
pub const OLDEST: u32 = 24;

/// The way a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `--ort-dylib`.
    CommandLine,
    /// [`ENVIRONMENT`].
    Environment,
    /// The folder of this program.
    Beside,
    /// [`WORKSPACE_VENV`] of the repository that built this program.
    Workspace,
    /// The `onnxruntime` wheel of the Python in use.
    PythonWheel,
    /// A library folder of the system.
    System,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommandLine => "--ort-dylib",
            Self::Environment => ENVIRONMENT,
            Self::Beside => "this program's folder",
            Self::Workspace => WORKSPACE_VENV,
            Self::PythonWheel => "Python wheel",
            Self::System => "system",
        })
    }
}

/// The places of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The file of `--ort-dylib`; if given, nothing else is searched.
    pub ort_dylib: Option<PathBuf>,
    /// The file of [`ENVIRONMENT`]; if given, nothing else is searched.
    pub environment: Option<PathBuf>,
    /// Folder of this program.
    pub beside: Option<PathBuf>,
    /// The repository that built this program, if the program is still inside it.
    pub repository: Option<PathBuf>,
    /// Roots of Python environments, such as that of `VIRTUAL_ENV`.
    pub python_roots: Vec<PathBuf>,
    /// Whether to ask `python3` where its wheel is.
    pub ask_python: bool,
    /// Library folders of the system.
    pub system: Vec<PathBuf>,
}

impl Search {
    /// The search of a command: the given file, the environment, the program's folder, its repository, Python, the
    /// system.
    ///
    /// The working folder and the folders around it are not searched, since a library found there would run.
    pub fn from_environment(ort_dylib: Option<PathBuf>) -> Self {
        let folder = |name| env::var_os(name).filter(|value| !value.is_empty());
        let binary = env::current_exe().ok().and_then(|binary| binary.canonicalize().ok());
        let absolute = |path: &PathBuf| path.is_absolute();
        let mut system = Vec::new();
        for variable in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            system.extend(folder(variable).iter().flat_map(env::split_paths).filter(absolute));
        }
        let triple = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
        system.extend(["/usr/local/lib", &triple, "/usr/lib", "/usr/lib64", "/opt/homebrew/lib"].map(PathBuf::from));
        Self {
            ort_dylib,
            environment: folder(ENVIRONMENT).map(PathBuf::from),
            beside: binary.and_then(|binary| binary.parent().map(Path::to_path_buf)),
            repository: trusted::repository(),
            python_roots: ["VIRTUAL_ENV", "CONDA_PREFIX"]
                .into_iter()
                .filter_map(folder)
                .map(PathBuf::from)
                .filter(absolute)
                .collect(),
            ask_python: true,
            system,
        }
    }
}

/// A library that was examined and, judging by its bytes, can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub source: Source,
    /// Its version, such as `1.32.0`; empty if the file does not say.
    pub version: String,
}

impl Library {
    /// Finds the first suitable library, in the order of [`Source`].
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`]; or the fault of the named file, or else of the file found.
    pub fn find(search: &Search) -> Result<Self, RuntimeError> {
        let named = [(Source::CommandLine, &search.ort_dylib), (Source::Environment, &search.environment)];
        if let Some((source, Some(path))) = named.into_iter().find(|(_, path)| path.is_some()) {
            return Self::examine(path, source);
        }
        let mut refused = None;
        let workspace = search.repository.as_ref().map(|repository| repository.join(WORKSPACE_VENV));
        type Folders<'a> = Box<dyn Fn() -> Vec<PathBuf> + 'a>;
        let places: [(Source, Folders<'_>); 5] = [
            (Source::Beside, Box::new(|| search.beside.iter().cloned().collect())),
            (Source::Workspace, Box::new(|| workspace.iter().flat_map(|root| wheel_folders(root)).collect())),
            (
                Source::PythonWheel,
                Box::new(|| search.python_roots.iter().flat_map(|root| wheel_folders(root)).collect()),
            ),
            (
                Source::PythonWheel,
                Box::new(|| search.ask_python.then(folder_from_python).flatten().into_iter().collect()),
            ),
            (Source::System, Box::new(|| search.system.clone())),
        ];
        for (source, folders) in places {
            for path in folders().iter().flat_map(|folder| libraries_in(folder)) {
                match Self::examine(&path, source) {
                    Ok(library) => return Ok(library),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
        }
        Err(refused.unwrap_or(RuntimeError::NotFound))
    }

    /// Examines the bytes of a file. A process can load a library only once and cannot repeat a failed attempt, so
    /// everything that can be checked is checked first.
    fn examine(path: &Path, source: Source) -> Result<Self, RuntimeError> {
        let bytes = bounded::read(path, bounded::Kind::Library).map_err(|error| RuntimeError::Unreadable {
            path: path.into(),
            named_by: source.to_string(),
            error,
        })?;
        let other = |found: &str| RuntimeError::NotALibrary { path: path.into(), found: found.into() };
        if find(&bytes, b"OrtGetApiBase\0").is_none() {
            return Err(other("a file without the function OrtGetApiBase"));
        }
        if let Some(machine) = elf_machine(&bytes)
            && cfg!(target_os = "linux")
            && machine != expected_machine()
        {
            return Err(other("a library for another processor"));
        }
        let version = version(path, &bytes);
        if let Some(minor) = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok())
            && (minor < OLDEST || !version.starts_with("1."))
        {
            return Err(RuntimeError::TooOld { path: path.into(), found: version });
        }
        // Absolute, since the loader looks in the program's folder first.
        let path = path.canonicalize().unwrap_or_else(|_| path.into());
        Ok(Self { path, source, version })
    }
}

/// `onnxruntime/capi` in every `site-packages` of a Python environment.
fn wheel_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = vec![root.join("Lib/site-packages/onnxruntime/capi")];
    let versions = root.join("lib").read_dir().into_iter().flatten().flatten();
    folders.extend(versions.map(|entry| entry.path().join("site-packages/onnxruntime/capi")));
    folders.sort();
    folders
}

/// Asks Python where its wheel is, without importing it.
fn folder_from_python() -> Option<PathBuf> {
    let script = "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0])";
    let python = trusted::program(Path::new("python3"))?;
    let python = Command::new(python).args(["-I", "-c", script]).stdin(Stdio::null()).output().ok()?;
    let folder = String::from_utf8(python.stdout).ok()?;
    python.status.success().then(|| Path::new(folder.trim()).join("capi"))
}

/// ONNX Runtime's libraries in a folder, the newest first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let plain = format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let mut found: Vec<(Vec<u32>, PathBuf)> = folder
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let numbered = name.strip_prefix("libonnxruntime.").is_some_and(|rest| {
                rest.starts_with("so.") || (rest.ends_with(".dylib") && rest.starts_with(|c: char| c.is_ascii_digit()))
            });
            (name == plain || numbered).then(|| (numbers(&name), entry.path()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// The version in the name of the library's symbols, or else in its file name.
fn version(path: &Path, bytes: &[u8]) -> String {
    const SYMBOLS: &[u8] = b"\0VERS_1.";
    if let Some(at) = find(bytes, SYMBOLS) {
        let text: Vec<u8> = bytes[at + 6..].iter().copied().take_while(u8::is_ascii_graphic).take(20).collect();
        return String::from_utf8_lossy(&text).into_owned();
    }
    let real = path.canonicalize().unwrap_or_else(|_| path.into());
    let name = real.file_name().map(|name| numbers(&name.to_string_lossy())).unwrap_or_default();
    let name: Vec<String> = name.iter().map(u32::to_string).collect();
    if name.len() < 2 { String::new() } else { name.join(".") }
}

fn elf_machine(bytes: &[u8]) -> Option<u16> {
    (bytes.starts_with(b"\x7fELF") && bytes.len() > 20).then(|| u16::from_le_bytes([bytes[18], bytes[19]]))
}

/// ELF's number for this processor.
const fn expected_machine() -> u16 {
    if cfg!(target_arch = "x86_64") {
        62
    } else if cfg!(target_arch = "aarch64") {
        183
    } else if cfg!(target_arch = "riscv64") {
        243
    } else if cfg!(target_arch = "arm") {
        40
    } else {
        3
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let (&first, rest) = pattern.split_first()?;
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&byte| byte == first) {
        at += next + 1;
        if bytes[at..].starts_with(rest) {
            return Some(at - 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The parts of an ELF file that the search reads.
    fn elf(machine: u16, version: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.resize(18, 0);
        bytes.extend_from_slice(&machine.to_le_bytes());
        bytes.extend_from_slice(format!("\0OrtGetApiBase\0VERS_{version}\0").as_bytes());
        bytes
    }

    fn only(path: PathBuf) -> Search {
        Search { ort_dylib: Some(path), ..Search::default() }
    }

    #[test]
    fn a_file_says_what_it_is_before_it_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        let find = || Library::find(&only(path.clone()));
        assert!(matches!(find(), Err(RuntimeError::Unreadable { .. })));
        fs::write(&path, "text").unwrap();
        assert!(matches!(find(), Err(RuntimeError::NotALibrary { .. })));
        fs::write(&path, elf(expected_machine(), "1.23.9")).unwrap();
        assert!(matches!(find(), Err(RuntimeError::TooOld { found, .. }) if found == "1.23.9"));
        fs::write(&path, elf(expected_machine(), "1.24.0")).unwrap();
        assert_eq!(find().unwrap().version, "1.24.0");
        if cfg!(target_os = "linux") {
            fs::write(&path, elf(1, "1.24.0")).unwrap();
            assert!(matches!(find(), Err(RuntimeError::NotALibrary { .. })));
        }
    }

    #[test]
    fn the_newest_of_a_wheel_is_taken_and_an_old_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        let capi = root.path().join("lib/python3.11/site-packages/onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        let search = Search { python_roots: vec![root.path().into()], ..Search::default() };
        assert!(matches!(Library::find(&search), Err(RuntimeError::NotFound)));
        fs::write(capi.join("libonnxruntime.so.1.9.0"), elf(expected_machine(), "1.9.0")).unwrap();
        assert!(matches!(Library::find(&search), Err(RuntimeError::TooOld { .. })));
        for version in ["1.30.0", "1.100.0"] {
            fs::write(capi.join(format!("libonnxruntime.so.{version}")), elf(expected_machine(), version)).unwrap();
        }
        let library = Library::find(&search).unwrap();
        assert_eq!((library.version.as_str(), library.source), ("1.100.0", Source::PythonWheel));
    }
}
