//! Skips a test if this machine lacks something it needs.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write;

/// Reports that a test does not run here, and why; in CI, where nothing may be missing, the test fails instead.
///
/// CI sets `CI`; `EYAS_SKIP=ok` allows skipping there too. Test runners hide the output of passing tests, so
/// `cargo xtask test` names a file in `EYAS_SKIPPED` and shows its lines at the end.
///
/// # Panics
/// In CI, with the reason.
pub fn skip(reason: impl Display) {
    assert!(
        may_skip(std::env::var_os("CI").as_deref(), std::env::var_os("EYAS_SKIP").as_deref()),
        "skipped in CI: {reason}"
    );
    println!("skipped: {reason}");
    if let Some(path) = std::env::var_os("EYAS_SKIPPED") {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{test}: {}", reason.to_string().replace('\n', " ")))
            .expect("the list of skipped tests");
    }
}

fn may_skip(ci: Option<&OsStr>, allowed: Option<&OsStr>) -> bool {
    let in_ci = ci.is_some_and(|value| !value.is_empty() && value != "false");
    !in_ci || allowed.is_some_and(|value| value == "ok")
}

#[cfg(test)]
mod tests {
    use super::may_skip;
    use crate::command::root;
    use std::fs;
    use std::path::Path;

    #[test]
    fn nothing_is_skipped_in_ci_unless_it_is_allowed() {
        let may = |ci: Option<&str>, allowed: Option<&str>| may_skip(ci.map(AsRef::as_ref), allowed.map(AsRef::as_ref));
        assert!(may(None, None) && may(Some(""), None) && may(Some("false"), None));
        assert!(!may(Some("true"), None) && !may(Some("1"), Some("")) && !may(Some("true"), Some("yes")));
        assert!(may(Some("true"), Some("ok")));
    }

    /// A test that skips with a message of its own would pass in CI without having run.
    #[test]
    fn every_test_that_may_not_run_goes_through_here() {
        let mut files = 0;
        for folder in ["tests", "trainer", "runtime", "xtask"] {
            visit(&root().join(folder), &mut |path, text| {
                files += 1;
                let own = text.lines().find(|line| line.contains(concat!("\"skip", "ped")));
                assert!(path.ends_with("tests/skip.rs") || own.is_none(), "{}: {own:?}", path.display());
            });
        }
        assert!(files > 100, "{files} files");
    }

    fn visit(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    visit(&path, look);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                look(&path, &fs::read_to_string(&path).expect("text"));
            }
        }
    }
}
