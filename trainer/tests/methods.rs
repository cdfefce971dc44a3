//! Every method of the register: its example loads, its keys change the recipe, and the documentation says what it is.

use std::fs;
use std::path::Path;

use eyas_trainer::method::{METHODS, Method, book};
use eyas_trainer::recipe::{Key, Recipe};
use toml::{Table, Value};

fn parse(text: &str) -> Recipe {
    Recipe::parse(text, Path::new("example.toml")).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_example_loads_and_uses_its_method() {
    for method in METHODS {
        let recipe = parse(method.example);
        assert!(recipe.method(method).is_some(), "{method:?}");
        assert_eq!(parse(&recipe.resolved()), recipe, "{method:?}");
    }
}

/// The method's own table in its example.
fn section<'t>(whole: &'t mut Table, method: &Method) -> &'t mut Table {
    let section = whole.get_mut(method.point.section()).unwrap();
    match section {
        Value::Array(items) => items
            .iter_mut()
            .filter_map(Value::as_table_mut)
            .find(|table| table.get("kind").is_some_and(|kind| kind.as_str() == Some(method.kind)))
            .unwrap(),
        Value::Table(table) => table,
        _ => unreachable!("a recipe has tables and lists of tables only"),
    }
}

/// Another value of the same key that may be allowed.
fn others(key: &Key, value: &Value) -> Vec<Value> {
    match value {
        Value::Float(number) => vec![Value::Float(number / 2.0 + 0.01), Value::Float(number + 1.0)],
        Value::Integer(number) => vec![Value::Integer(number + 1), Value::Integer(number - 1)],
        Value::Boolean(flag) => vec![Value::Boolean(!flag)],
        // The words of a choice stand between back quotes.
        Value::String(word) => (key.words)()
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|other| other != word)
            .map(|other| Value::String(other.to_owned()))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_key_changes_the_resolved_recipe() {
    for method in METHODS {
        let recipe = parse(method.example);
        let filled = recipe.resolved().parse::<Table>().unwrap();
        for key in method.keys_in_use() {
            let mut table = filled.clone();
            let own = section(&mut table, method);
            let value =
                own.get(key.name).unwrap_or_else(|| panic!("{method:?} {} is not written out", key.name)).clone();
            let changed = others(key, &value).into_iter().find_map(|other| {
                let mut table = filled.clone();
                section(&mut table, method).insert(key.name.to_owned(), other);
                Recipe::parse(&toml::to_string(&table).unwrap(), Path::new("changed.toml")).ok()
            });
            let changed = changed.unwrap_or_else(|| panic!("{method:?} {}: no other value is allowed", key.name));
            assert_ne!(changed.recipe_hash(), recipe.recipe_hash(), "{method:?} {}", key.name);
        }
    }
}

#[test]
fn kinds_are_unique_and_explained() {
    for (index, method) in METHODS.iter().enumerate() {
        assert!(METHODS[..index].iter().all(|other| other.kind != method.kind), "{method:?} twice");
        assert!(method.summary.ends_with('.') && method.text.contains("- Trap:"), "{method:?}");
        assert!(method.text.contains("- When:"), "{method:?}");
        assert!(book::list().contains(method.summary) && book::explain(method).contains(method.example), "{method:?}");
    }
}

#[test]
fn the_documentation_is_what_the_register_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/METHODS.md");
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == book::whole(),
        "docs/METHODS.md is not up to date: cargo eyas methods --markdown > docs/METHODS.md"
    );
}
