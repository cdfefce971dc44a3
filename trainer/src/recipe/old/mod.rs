//! What today's two engines read: one shape for graphs, one for tables, both made from the one recipe by `bridge`.

mod bridge;
mod graph;
mod prepare;
mod table;

pub use super::data::Task as TabularTask;
pub use super::quantize::{QuantizeMethod, QuantizeSection, RangeKind, ReportSection};
pub use super::student::{CotrainSection, MaskKind, MasksSection};
pub use super::teacher::{ModelInput as TeacherInput, Seen};
pub use super::training::InputKind;
pub use bridge::{Engine, engine};
pub use graph::{
    DataSection, LinkSection, Recipe, SplitKind, StudentSection, TargetSection, TeacherKind, TeacherSection,
};
pub use prepare::{PrepareError, Prepared};
pub use table::{
    RouteKind, RouteSection, Softening, TabularData, TabularRecipe, TabularSplit, TabularStudent, TabularTarget,
    TabularTeacher, TabularTeacherKind,
};

/// What every recipe of an engine says about the recipe it was made from.
macro_rules! from_whole {
    ($recipe:ident, $variant:ident, $kind:literal) => {
        impl $recipe {
            /// Reads and checks a recipe.
            ///
            /// # Errors
            /// [`RecipeError`](crate::recipe::RecipeError) with file, line, column and key, and for other data than this.
            pub fn load(path: &std::path::Path) -> Result<Self, crate::recipe::RecipeError> {
                Self::of(crate::recipe::Recipe::load(path)?, path)
            }

            /// Checks the text of a recipe; `file` is its name for messages.
            ///
            /// # Errors
            /// As for a file.
            pub fn parse(text: &str, file: &std::path::Path) -> Result<Self, crate::recipe::RecipeError> {
                Self::of(crate::recipe::Recipe::parse(text, file)?, file)
            }

            fn of(whole: crate::recipe::Recipe, file: &std::path::Path) -> Result<Self, crate::recipe::RecipeError> {
                match crate::recipe::old::engine(whole, file)? {
                    crate::recipe::old::Engine::$variant(recipe) => Ok(*recipe),
                    _ => Err(crate::recipe::old::bridge::refuse(
                        file,
                        "data.kind",
                        concat!("expected a ", $kind),
                        "use another",
                    )),
                }
            }

            /// The recipe as TOML with every default written out; it loads back to the same recipe.
            #[must_use]
            pub fn resolved(&self) -> String {
                self.whole.resolved()
            }

            /// SHA-256 of the resolved text.
            #[must_use]
            pub fn recipe_hash(&self) -> [u8; 32] {
                self.whole.recipe_hash()
            }

            /// Where the files of a recipe read from `path` are looked for.
            #[must_use]
            pub fn search(
                &self,
                path: &std::path::Path,
                data_dir: Option<std::path::PathBuf>,
            ) -> crate::dataset::locate::Search {
                self.whole.search(path, data_dir)
            }

            /// The same recipe as it lies in the run folder `copy`, from where its paths lead to what `search` finds.
            #[must_use]
            pub fn copied(&self, copy: &std::path::Path, search: &crate::dataset::locate::Search) -> Self {
                Self { whole: Box::new(self.whole.copied(copy, search)), ..self.clone() }
            }

            /// The text of the recipe in a run folder.
            #[must_use]
            pub fn text(&self) -> String {
                self.whole.text()
            }
        }
    };
}
use from_whole;
