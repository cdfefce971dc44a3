//! Where the paths of a recipe start: at its own folder, or, in the copy that a run leaves behind, where the run found
//! its files. Written relative to the copy, so that a repository can be moved with its runs.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::dataset::locate::Search;

/// Folders that the paths of the recipe at `recipe` start from.
pub(crate) fn folders(recipe: &Path, base: &[String]) -> Vec<PathBuf> {
    let own = recipe.parent().unwrap_or(Path::new(""));
    if base.is_empty() { vec![own.to_path_buf()] } else { base.iter().map(|folder| own.join(folder)).collect() }
}

/// The key `base` of a copy in the folder `copy`, for a recipe whose `paths` were found by `search`.
pub(super) fn of_copy(copy: &Path, paths: &[&str], search: &Search) -> Vec<String> {
    let here = PathBuf::from(".");
    let from_here = |path: &&str| search.path(path) == Path::new(path);
    let mut folders: Vec<&Path> = search.recipe_dirs.iter().map(PathBuf::as_path).collect();
    if paths.iter().any(from_here) {
        folders.push(&here);
    }
    folders.extend(search.data_dir.as_deref());
    let mut base: Vec<String> = Vec::new();
    for folder in folders {
        let folder = relative(copy, folder);
        if !base.contains(&folder) {
            base.push(folder);
        }
    }
    // The recipe's own folder is the default.
    if base == ["."] { Vec::new() } else { base }
}

/// A recipe's text with the key in front.
pub(super) fn with_base(base: &[String], resolved: &str) -> String {
    #[derive(Serialize)]
    struct Key<'a> {
        base: &'a [String],
    }
    if base.is_empty() {
        return resolved.to_owned();
    }
    // Serialising a list of strings cannot fail.
    format!("{}\n{resolved}", toml::to_string(&Key { base }).unwrap_or_default())
}

/// The way from one folder to another, with `/` between names; absolute where there is none.
pub(crate) fn relative(from: &Path, to: &Path) -> String {
    let whole = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
    };
    let (from, to) = (whole(from), whole(to));
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return to.to_string_lossy().into_owned();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let way: Vec<String> = up
        .chain(to.components().skip(shared))
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_way_leads_from_the_copy_to_the_files() {
        let root = tempfile::tempdir().unwrap();
        let [recipes, runs, data] = ["recipes/a b", "runs/x", "data"].map(|folder| root.path().join(folder));
        [&recipes, &runs, &data].into_iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        assert_eq!(relative(&runs, &recipes), "../../recipes/a b");
        assert_eq!(relative(&recipes, &recipes), ".");
        let search = Search { recipe_dirs: vec![recipes.clone()], ..Search::default() };
        let base = of_copy(&runs, &["table.npz"], &search);
        assert_eq!(base, ["../../recipes/a b"]);
        fs::write(recipes.join("table.npz"), "").unwrap();
        let copy = Search { recipe_dirs: folders(&runs.join("recipe.toml"), &base), ..Search::default() };
        assert!(copy.path("table.npz").exists());
        // A copy of the copy leads to the same folder.
        let again = root.path().join("again");
        fs::create_dir(&again).unwrap();
        assert_eq!(of_copy(&again, &["table.npz"], &copy), ["../recipes/a b"]);
        let given = Search { data_dir: Some(data), ..search.clone() };
        assert_eq!(of_copy(&runs, &[], &given), ["../../recipes/a b", "../../data"]);
        assert_eq!(of_copy(&recipes, &["table.npz"], &search), Vec::<String>::new());
    }
}
