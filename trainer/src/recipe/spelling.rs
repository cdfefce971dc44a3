//! Keys of earlier versions and their new home: each is refused with what to write instead.

use toml::{Table, Value as Toml};

use super::error::RecipeFault;
use super::value::Fault;

/// A key of an earlier version.
pub struct Spelling {
    /// Its place, without the numbers of a list: `teacher[].layers`.
    pub at: &'static str,
    /// What to write instead, from the table that holds the key; `None` where the key is not an old one after all.
    pub now: fn(&Table, &Toml) -> Option<String>,
    /// A table with the key, and what is said about it.
    pub example: (&'static str, &'static str),
}

/// The old spellings.
pub static SPELLINGS: &[Spelling] = &[
    Spelling {
        at: "teacher[].layers",
        now: |teacher, _| Some(widths(teacher)),
        example: ("layers = 3\nhidden = 512", "hidden = [512, 512]"),
    },
    Spelling {
        at: "teacher[].hidden",
        now: |teacher, hidden| hidden.is_integer().then(|| widths(teacher)),
        example: ("hidden = 64", "hidden = [64]"),
    },
    Spelling {
        at: "teacher[].normalize_rows",
        now: |_, normalize| {
            Some(format!("input = \"{}\"", if normalize.as_bool() == Some(false) { "raw" } else { "normalized" }))
        },
        example: ("normalize_rows = false", "input = \"raw\""),
    },
    Spelling {
        at: "teacher[].max_epochs",
        now: |_, epochs| Some(format!("epochs = {epochs}")),
        example: ("max_epochs = 15", "epochs = 15"),
    },
    Spelling {
        at: "teacher[].input",
        now: |_, input| input.is_array().then(|| format!("inputs = {}", input)),
        example: ("input = [{ name = \"i\" }]", "inputs = [{ name = \"i\" }]"),
    },
    Spelling {
        at: "teacher[].kind",
        now: |teacher, kind| {
            (kind.as_str() == Some("mlp") && teacher.contains_key("path")).then(|| "kind = \"dense\"".to_owned())
        },
        example: ("kind = \"mlp\"\npath = \"mlp.npz\"", "kind = \"dense\""),
    },
    Spelling {
        at: "student.max_epochs",
        now: |_, epochs| Some(format!("epochs = {epochs}")),
        example: ("max_epochs = 25", "epochs = 25"),
    },
    Spelling {
        at: "student.noise",
        now: |_, noise| Some(format!("[[rows]] with kind = \"noise\" and deviation = {noise}")),
        example: ("noise = 0.3", "[[rows]] with kind = \"noise\" and deviation = 0.3"),
    },
    Spelling {
        at: "student.word_dropout",
        now: |_, share| Some(format!("[[rows]] with kind = \"word-dropout\" and share = {share}")),
        example: ("word_dropout = 0.5", "[[rows]] with kind = \"word-dropout\" and share = 0.5"),
    },
    Spelling {
        at: "target.distill_temperature",
        now: |_, temperature| Some(format!("temperature = {temperature} in [objective]")),
        example: ("distill_temperature = 2.0", "temperature = 2.0 in [objective]"),
    },
    Spelling {
        at: "target.softening",
        now: |target, softening| {
            let weight = target.get("soft_weight").map_or("1.0".to_owned(), ToString::to_string);
            Some(match softening.as_str() {
                Some("halving") => format!("soft_weight = {{ start = {weight}, halve_every = 30 }} in [objective]"),
                _ => format!("soft_weight = {weight} in [objective]"),
            })
        },
        example: (
            "softening = \"halving\"\nsoft_weight = 0.5",
            "soft_weight = { start = 0.5, halve_every = 30 } in [objective]",
        ),
    },
    Spelling {
        at: "target.soft_weight",
        now: |_, weight| Some(format!("soft_weight = {weight} in [objective]")),
        example: ("soft_weight = 0.5", "soft_weight = 0.5 in [objective]"),
    },
    Spelling {
        at: "target.label_weight",
        now: |_, weight| Some(format!("label_weight = {weight} in [objective]")),
        example: ("label_weight = 0.5", "label_weight = 0.5 in [objective]"),
    },
    Spelling {
        at: "target.fit_confidence",
        now: |_, fit| Some(format!("fit_confidence = {fit} in every [[teacher]]")),
        example: ("fit_confidence = false", "fit_confidence = false in every [[teacher]]"),
    },
    Spelling {
        at: "target.margin",
        now: |_, margin| Some(format!("[[target]] with kind = \"margin\" and margin = {margin}")),
        example: ("margin = 0.1", "[[target]] with kind = \"margin\" and margin = 0.1"),
    },
    Spelling {
        at: "target.embedding_weight",
        now: |_, weight| Some(format!("[[link]] with kind = \"embedding\" and weight = {weight}")),
        example: ("embedding_weight = 0.5", "[[link]] with kind = \"embedding\" and weight = 0.5"),
    },
    Spelling {
        at: "route.kind",
        now: |route, _| Some(routed(route)),
        example: ("kind = \"best-on-tune\"", "[[target]] with kind = \"best-on-tune\""),
    },
    Spelling {
        at: "route.balance",
        now: |route, _| Some(routed(route)),
        example: ("balance = 0.5", "[[target]] with kind = \"router\" and balance = 0.5"),
    },
];

/// Refuses a recipe of an earlier version.
pub(super) fn check(whole: &Table) -> Result<(), Fault> {
    ["teacher[]", "student", "target", "route"].into_iter().try_for_each(|section| check_section(whole, section))?;
    match whole.get("target") {
        Some(Toml::Table(_)) => {
            let remedy = "write [[target]], or [objective] for weights and the temperature";
            let message = "expected tables [[target]], found one table";
            Err(Fault::new(RecipeFault::WrongType, message, remedy).inside(".target"))
        }
        _ => Ok(()),
    }
}

/// The same for one section.
pub(super) fn check_section(whole: &Table, section: &str) -> Result<(), Fault> {
    let name = section.trim_end_matches("[]");
    let tables: Vec<(String, &Table)> = match whole.get(name) {
        Some(Toml::Table(table)) if name == section => vec![(format!(".{name}"), table)],
        Some(Toml::Array(items)) if name != section => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some((format!(".{name}[{index}]"), item.as_table()?)))
            .collect(),
        _ => Vec::new(),
    };
    for (place, table) in tables {
        for spelling in SPELLINGS {
            let Some((_, key)) = spelling.at.rsplit_once('.').filter(|(of, _)| *of == section) else { continue };
            if let Some(now) = table.get(key).and_then(|value| (spelling.now)(table, value)) {
                let message = "this spelling belongs to an earlier version";
                let fault = Fault::new(RecipeFault::UnknownKey, message, format!("write {now}"));
                return Err(fault.inside(&format!("{place}.{key}")));
            }
        }
    }
    Ok(())
}

/// The widths of a teacher that gave one and the number of layers.
fn widths(teacher: &Table) -> String {
    let layers = teacher.get("layers").and_then(Toml::as_integer).unwrap_or(2).clamp(2, 8);
    let width = teacher.get("hidden").map_or("256".to_owned(), ToString::to_string);
    format!("hidden = [{}]", vec![width; (layers - 1) as usize].join(", "))
}

/// The mixer that an old route is now.
fn routed(route: &Table) -> String {
    let kind = route.get("kind").and_then(Toml::as_str).unwrap_or("router");
    let balance = route.get("balance").map_or_else(String::new, |balance| format!(" and balance = {balance}"));
    format!("[[target]] with kind = \"{kind}\"{balance}")
}
