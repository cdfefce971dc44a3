//! The library with which a process runs ONNX models.

use super::error::RuntimeError;
use super::library::{Library, Search};
use crate::output::tell;
use ort::environment::Environment;
use ort::logging::LogLevel;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The backend that runs the models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// ONNX Runtime if it is found, otherwise tract if it is built in.
    #[default]
    Auto,
    /// ONNX Runtime, loaded from a library.
    Onnxruntime,
    /// tract, in pure Rust; needs the cargo feature `onnx-tract`.
    Tract,
}

/// A loaded library; copies share it.
#[derive(Clone)]
pub struct Runtime {
    pub(super) environment: Environment,
    library: Option<Library>,
    build: String,
}

/// The result of this process's first attempt. ort keeps its library in a global that must not be used again after a
/// failed load.
static FIRST: Mutex<Option<Result<Runtime, String>>> = Mutex::new(None);

impl Runtime {
    /// Loads the library, or returns the one that already runs.
    ///
    /// # Errors
    /// [`RuntimeError`], never a panic; a named library is used or refused, never replaced by another.
    pub fn open(backend: Backend, search: &Search) -> Result<Self, RuntimeError> {
        let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*first {
            Some(Ok(runtime)) => return runtime.clone().if_wanted(backend, search),
            Some(Err(reason)) => return Err(RuntimeError::FailedBefore { reason: reason.clone() }),
            None => {}
        }
        let named = search.ort_dylib.is_some() || search.environment.is_some();
        let loaded = match backend {
            Backend::Onnxruntime => Self::load(Library::find(search)?),
            Backend::Tract => Self::tract()?,
            Backend::Auto => match Library::find(search) {
                Ok(library) => Self::load(library),
                Err(error) if named => return Err(error),
                Err(error) => Self::tract().map_err(|_| error)?,
            },
        };
        *first = Some(loaded.as_ref().map(Clone::clone).map_err(ToString::to_string));
        loaded
    }

    fn if_wanted(self, backend: Backend, search: &Search) -> Result<Self, RuntimeError> {
        let named = search.ort_dylib.as_ref().or(search.environment.as_ref());
        let fits = match (backend, &self.library) {
            (Backend::Auto | Backend::Onnxruntime, Some(library)) => {
                named.is_none_or(|path| path.canonicalize().is_ok_and(|path| path == library.path))
            }
            (Backend::Auto, None) => named.is_none(),
            (Backend::Tract, None) => true,
            (Backend::Tract, Some(_)) | (Backend::Onnxruntime, None) => false,
        };
        if fits {
            return Ok(self);
        }
        let expected = named.map_or_else(|| format!("of backend {backend:?}"), |path| path.display().to_string());
        Err(RuntimeError::Another { expected, found: self.to_string() })
    }

    fn load(library: Library) -> Result<Self, RuntimeError> {
        let failed = |reason: String| RuntimeError::Load { path: library.path.clone(), reason };
        let builder = ort::init_from(&library.path).map_err(|error| failed(error.to_string()))?;
        // By default the library itself writes to standard error, with unescaped node names from the file.
        let told = |level: LogLevel, _: &str, _: &str, _: &str, message: &str| {
            if matches!(level, LogLevel::Error | LogLevel::Fatal) {
                tell(format_args!("ONNX Runtime: {message}"));
            }
        };
        let builder = builder.with_name("eyas").with_telemetry(false).with_logger(Arc::new(told));
        let environment = builder.build().map_err(|error| failed(error.to_string()))?;
        environment.set_log_level(LogLevel::Error);
        Ok(Self { environment, build: ort::info().to_owned(), library: Some(library) })
    }

    #[cfg(feature = "onnx-tract")]
    fn tract() -> Result<Result<Self, RuntimeError>, RuntimeError> {
        ort::set_api(ort_tract::api());
        let environment = ort::init().with_name("eyas").with_telemetry(false).build();
        Ok(environment
            .map(|environment| Self { environment, library: None, build: TRACT.to_owned() })
            .map_err(|error| RuntimeError::Load { path: "tract".into(), reason: error.to_string() }))
    }

    #[cfg(not(feature = "onnx-tract"))]
    fn tract() -> Result<Result<Self, RuntimeError>, RuntimeError> {
        Err(RuntimeError::NoTract)
    }

    /// The library that was loaded; `None` for tract.
    pub fn library(&self) -> Option<&Library> {
        self.library.as_ref()
    }

    /// The library's description of its own build.
    pub fn build(&self) -> &str {
        &self.build
    }
}

/// The version that the lock file pins.
#[cfg(feature = "onnx-tract")]
const TRACT: &str = "tract 0.23 through ort-tract 0.5.0";

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.library {
            Some(library) => write!(f, "ONNX Runtime {}", library.version),
            None => f.write_str(&self.build),
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("library", &self.library).field("build", &self.build).finish_non_exhaustive()
    }
}
