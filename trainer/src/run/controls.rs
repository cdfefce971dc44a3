//! The controls of a recipe on a graph as changes of the recipe, for the report.

use crate::report::metrics::Control;

/// Name, what it is, and the keys of the recipe that are other.
const CONTROLS: [(&str, &str, &str); 4] = [
    (
        "plain_kd",
        "the same network on soft targets alone; its temperature of 1, 2 or 4 is chosen on the tune nodes",
        "[student]\nword_dropout = 0\n\n[target]\nlabel_weight = 0\nsoft_weight = 1\ndistill_temperature = 1 # or 2, or 4\n\
         fit_confidence = false\n\n# and no [[link]]\n",
    ),
    (
        "uniform_teacher",
        "the same recipe with a teacher that gives every class the same probability",
        "# the recipe as it is; every logit of the teacher is 0\n",
    ),
    (
        "label_smoothing",
        "the same network on the labels of the train nodes, smoothed by 0.1",
        "[target]\nlabel_weight = 0\nsoft_weight = 1 # of labels smoothed by 0.1\ndistill_temperature = 1\n\n# and no [[link]]\n",
    ),
    (
        "label_only",
        "the same network on the labels of the train nodes alone",
        "[target]\nlabel_weight = 1\nsoft_weight = 0\n\n# and no [[link]]\n",
    ),
];

/// All controls that a run may have.
pub(super) fn controls() -> Vec<Control> {
    let control = |(name, title, difference): (&str, &str, &str)| Control {
        name: name.to_owned(),
        title: title.to_owned(),
        difference: difference.to_owned(),
    };
    CONTROLS.map(control).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the keys of a recipe are defined.
    const RECIPE: &str = include_str!("../recipe/sections.rs");

    #[test]
    fn differences_are_keys_that_a_recipe_has() {
        for control in controls() {
            let keys: toml::Table =
                control.difference.parse().unwrap_or_else(|error| panic!("{}: {error}", control.name));
            for (section, keys) in &keys {
                for key in keys.as_table().unwrap().keys() {
                    assert!(RECIPE.contains(&format!("pub {key}:")), "{}: {section}.{key}", control.name);
                }
            }
        }
    }
}
