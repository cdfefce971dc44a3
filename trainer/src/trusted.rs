//! The places from which files that the user did not name may be loaded or run.
//!
//! The working folder and the folders around it are not trusted: they may hold a stranger's files, and a library that
//! is loaded, a program that is started or a package that is built runs with the user's rights.

use std::env;
use std::path::{Path, PathBuf};

/// The repository that built this program, as long as the program lies in its `target` folder.
///
/// A program that was copied elsewhere has none: the folder it was built in may now belong to anyone.
#[must_use]
pub fn repository() -> Option<PathBuf> {
    around(&env::current_exe().ok()?, Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The workspace around a package, if its `target` holds the program.
fn around(program: &Path, package: &Path) -> Option<PathBuf> {
    let (program, package) = (program.canonicalize().ok()?, package.canonicalize().ok()?);
    let workspace = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file())?;
    let target = workspace.join("target").canonicalize().ok()?;
    program.starts_with(target).then(|| workspace.to_path_buf())
}

/// The program of this name in the folders of `PATH`, or the one at a path with more than a name. Relative folders in
/// `PATH` are skipped.
#[must_use]
pub fn program(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.canonicalize().ok()).flatten();
    }
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_program_is_trusted_with_the_workspace_that_built_it_alone() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (workspace, package) = (root.join("workspace"), root.join("workspace/trainer"));
        let programs = ["workspace/target/debug/eyas", "workspace/eyas", "target/eyas", "eyas"];
        fs::create_dir_all(&package).unwrap();
        for program in programs {
            let program = root.join(program);
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            fs::write(program, "").unwrap();
        }
        let found = |program: &str| around(&root.join(program), &package);
        assert_eq!(found(programs[0]), None, "a source without a workspace");
        fs::write(workspace.join("Cargo.lock"), "").unwrap();
        assert_eq!(found(programs[0]), Some(workspace.clone()));
        assert_eq!(programs[1..].iter().filter_map(|program| found(program)).count(), 0);
        fs::rename(&workspace, root.join("moved")).unwrap();
        assert_eq!(found("moved/target/debug/eyas"), None);
    }

    #[test]
    fn programs_come_from_absolute_folders() {
        assert!(program(Path::new("sh")).is_some_and(|sh| sh.is_absolute()));
        assert_eq!(program(Path::new("./no/such/program")), None);
        // Tests run in the package's folder; its manifest is not a program on any PATH.
        assert_eq!(program(Path::new("Cargo.toml")), None);
    }
}
