//! A run folder is self-contained: its recipe finds its data from any working folder, and moves with its repository.

use std::fs;
use std::path::Path;

use crate::{GRAPH, TABLE, said, write_graph, write_table};

/// A repository with a recipe next to its data, another recipe whose data is found from the working folder, and their
/// runs.
fn repository(root: &Path) {
    let recipes = root.join("recipes/sensors");
    fs::create_dir_all(recipes.join("data")).unwrap();
    write_table(&recipes.join("data"));
    write_graph(&recipes);
    fs::write(recipes.join("table.toml"), TABLE.replace("table.csv", "data/table.csv")).unwrap();
    fs::write(recipes.join("graph.toml"), GRAPH).unwrap();
    fs::create_dir(root.join("elsewhere")).unwrap();
    fs::write(root.join("elsewhere/from-root.toml"), TABLE.replace("table.csv", "recipes/sensors/data/table.csv"))
        .unwrap();
    for (recipe, run) in [
        ("recipes/sensors/table.toml", "table"),
        ("recipes/sensors/graph.toml", "graph"),
        ("elsewhere/from-root.toml", "from-root"),
    ] {
        said(root, &["distill", recipe, "--out", &format!("runs/{run}")], 0);
    }
}

/// Everything a run folder promises, from three working folders.
fn check(root: &Path) {
    for run in ["table", "graph", "from-root"] {
        let run = root.join("runs").join(run);
        let (student, recipe) = (run.join("student.eyas"), run.join("recipe.toml"));
        let (student, recipe) = (student.to_str().unwrap(), recipe.to_str().unwrap());
        for from in [root, &run, Path::new("/")] {
            let text = said(from, &["verify", student], 0);
            // The test fold, the test nodes: rows, not only golden vectors.
            assert!(text.contains("over 30 rows") || text.contains("over 20 rows"), "{text}");
            assert!(text.contains(" 0 differ"), "{text}");
            said(from, &["distill", recipe, "--dry-run"], 0);
        }
        said(&run, &["verify", "student.eyas"], 0);
        said(&run, &["distill", "recipe.toml", "--dry-run"], 0);
    }
}

#[test]
fn a_run_is_verified_where_it_lies_and_where_it_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("before");
    fs::create_dir(&root).unwrap();
    repository(&root);
    check(&root);
    let recipe = |run: &str| fs::read_to_string(root.join("runs").join(run).join("recipe.toml")).unwrap();
    assert!(!recipe("table").contains(folder.path().to_str().unwrap()), "a path of this machine");
    let first = fs::read(root.join("runs/table/student.eyas")).unwrap();
    // A run of the copy is the same run: no hash includes the recipe's location.
    said(&root, &["distill", "runs/table/recipe.toml", "--out", "runs/again"], 0);
    assert_eq!(fs::read(root.join("runs/again/student.eyas")).unwrap(), first);

    let moved = folder.path().join("after/deeper");
    fs::create_dir(folder.path().join("after")).unwrap();
    fs::rename(&root, &moved).unwrap();
    check(&moved);

    // On its own it reports what is missing, and takes the data from the given place.
    let alone = folder.path().join("alone");
    fs::rename(moved.join("runs/table"), &alone).unwrap();
    let text = said(folder.path(), &["verify", "alone/student.eyas"], 3);
    assert!(text.contains("data/table.csv") && text.contains("--data-dir"), "{text}");
    let data = moved.join("recipes/sensors/data");
    said(folder.path(), &["verify", "alone/student.eyas", "--data-dir", data.to_str().unwrap()], 0);
}

#[test]
fn an_authors_recipe_in_the_run_folder_stays() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let text = format!("# mine\n{TABLE}");
    fs::write(folder.path().join("recipe.toml"), &text).unwrap();
    assert!(said(folder.path(), &["distill", "recipe.toml", "--out", "."], 1).contains("--force"));
    said(folder.path(), &["distill", "recipe.toml", "--out", ".", "--force"], 0);
    assert_eq!(fs::read_to_string(folder.path().join("recipe.toml")).unwrap(), text);
    said(folder.path(), &["verify", "student.eyas"], 0);
}
