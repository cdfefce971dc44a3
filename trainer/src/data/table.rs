//! A table, or windows of series, as data: the recipe's columns as one matrix, labels, folds, groups and ids.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Data, Matrix, Truth};
use crate::bounded;
use crate::dataset::{ColumnTable, DataError, FaultKind, Place, Role, Warning, Withheld};
use crate::recipe::{DataSection, Missing, Recipe, Seen, Task, TeacherSection};

impl Data {
    /// Reads the table of a recipe.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub(super) fn table(recipe: &Recipe, path: PathBuf) -> Result<Self, DataError> {
        let section = &recipe.data;
        let windowing = section.windowing();
        let mut table = match &windowing {
            Some(windowing) => ColumnTable::windows(&path, windowing)?,
            None => ColumnTable::load(&path)?,
        };
        let id = section.id.clone().or_else(|| table.has("id").then(|| "id".to_owned()));
        let own_label = section.label.clone();
        // Of a series the past of the label is an input; its future is the label.
        let label = if windowing.is_some() { format!("ahead.{own_label}") } else { own_label.clone() };
        let withheld = Withheld::all([
            (Role::Label, Some(label.as_str())),
            (Role::Fold, section.fold.as_deref()),
            (Role::Group, section.group.as_deref()),
            (Role::Id, id.as_deref()),
        ]);
        let columns = Columns::of(&mut table, section, &withheld)?;
        let inputs = recipe.teacher.iter().map(|teacher| columns.inputs(&mut table, teacher, &withheld));
        let inputs = inputs.collect::<Result<Vec<Vec<usize>>, DataError>>()?;
        let texts = table.texts(&label)?;
        let (truth, known) = match section.task {
            Task::Regress => Truth::quantity(&texts, &own_label, &path)?,
            Task::Classify => Truth::classes(&texts, &section.class_names, &own_label, &path)?,
        };
        let folds = section.fold.as_deref().map(|fold| folds(&table.texts(fold)?, fold, &path)).transpose()?;
        let group = if windowing.is_some() { Some("moment") } else { section.group.as_deref() };
        let groups = group.map(|group| table.texts(group)).transpose()?;
        let now = match (&windowing, section.task) {
            (Some(windowing), Task::Regress) => {
                let now = table.select(&[format!("{own_label}[{}]", windowing.history - 1)])?;
                Some(table.values(&now)?.into_raw_vec_and_offset().0)
            }
            _ => None,
        };
        let x = table.values_with_gaps(&columns.order)?;
        let gaps = table.gaps(x.view(), &columns.order);
        let mut data = Self {
            name: path.file_stem().map_or_else(|| "table".to_owned(), |stem| stem.to_string_lossy().into_owned()),
            x: Matrix::Dense(x),
            names: table.names(&columns.order),
            student: columns.student,
            teacher: columns.teacher,
            inputs,
            truth,
            known,
            edges: None,
            shared: None,
            folds,
            groups,
            ids: id.map(|id| table.texts(&id).map(|ids| (id, ids))).transpose()?,
            now,
            of_file: None,
            warnings: table.warnings(),
            notice: bounded::text(&path.with_file_name("NOTICE.md"), bounded::Kind::Document).ok(),
            path,
        };
        if let Some(gaps) = gaps {
            if section.missing != Some(Missing::Drop) || gaps.rows.iter().all(|&gap| gap) {
                return Err(table.refuse_gaps(&gaps, remedy(section)));
            }
            data.keep(&(0..gaps.rows.len()).filter(|&row| !gaps.rows[row]).collect::<Vec<_>>());
            data.warnings.push(gaps.dropped());
        }
        let leak = data.divided_groups(section);
        let constant = data.constant(recipe);
        data.warnings.extend(leak.into_iter().chain(constant));
        Ok(data)
    }

    /// Leaves out all rows but these.
    fn keep(&mut self, rows: &[usize]) {
        fn select<T: Clone>(from: &mut Vec<T>, rows: &[usize]) {
            *from = rows.iter().map(|&row| from[row].clone()).collect();
        }
        self.x = self.x.select(rows);
        self.truth = self.truth.select(rows);
        select(&mut self.known, rows);
        self.folds.as_mut().into_iter().for_each(|folds| select(folds, rows));
        self.groups.as_mut().into_iter().for_each(|groups| select(groups, rows));
        self.ids.as_mut().into_iter().for_each(|(_, ids)| select(ids, rows));
        self.now.as_mut().into_iter().for_each(|now| select(now, rows));
        self.of_file = Some(rows.to_vec());
    }

    /// Groups whose rows lie in several folds.
    fn divided_groups(&self, section: &DataSection) -> Option<Warning> {
        let (Some(folds), Some(groups)) = (&self.folds, &self.groups) else { return None };
        let mut seen: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for (group, &fold) in groups.iter().zip(folds) {
            seen.entry(group).or_default().insert(fold);
        }
        let divided = seen.values().filter(|folds| folds.len() > 1).count();
        let column = section.group.clone().unwrap_or_default();
        (divided > 0).then_some(Warning::DividedGroups { divided, groups: seen.len(), column })
    }
}

/// What to do about missing cells.
fn remedy(section: &DataSection) -> &'static str {
    match section.missing {
        Some(Missing::Drop) => {
            "every row has a missing cell: leave their columns out of student_columns and teacher_columns"
        }
        _ => "fill them, or write `missing = \"drop\"` in [data] of the recipe to leave such rows out",
    }
}

/// The columns of a table that a run uses: the student's first, then the teachers' others.
struct Columns {
    /// By their place in the table.
    order: Vec<usize>,
    /// Place in `order` of a column of the table.
    places: HashMap<usize, usize>,
    /// How many the student has.
    student: usize,
    /// Places in `order` of those that teachers see.
    teacher: Vec<usize>,
}

impl Columns {
    fn of(table: &mut ColumnTable, section: &DataSection, withheld: &[Withheld]) -> Result<Self, DataError> {
        let student = table.inputs("student_columns", &section.student_columns, withheld)?;
        let teacher = table.inputs("teacher_columns", &section.teacher_columns, withheld)?;
        let mut places = HashMap::new();
        let mut order = Vec::new();
        for &column in student.iter().chain(&teacher) {
            places.entry(column).or_insert_with(|| {
                order.push(column);
                order.len() - 1
            });
        }
        let teacher = teacher.iter().filter_map(|column| places.get(column).copied()).collect();
        Ok(Self { order, places, student: student.len(), teacher })
    }

    /// The columns that a teacher takes, by their place, in the order of its inputs.
    fn inputs(
        &self,
        table: &mut ColumnTable,
        section: &TeacherSection,
        withheld: &[Withheld],
    ) -> Result<Vec<usize>, DataError> {
        let mut columns = Vec::new();
        for patterns in section.column_patterns().into_iter().filter(|patterns| !patterns.is_empty()) {
            columns.extend(table.inputs("`inputs` of [[teacher]]", patterns, withheld)?);
        }
        if columns.is_empty() {
            let all = self.teacher.iter().copied();
            return Ok(match section.sees() {
                Seen::All => all.collect(),
                Seen::Others => all.filter(|&at| at >= self.student).collect(),
                Seen::Student => (0..self.student).collect(),
            });
        }
        let unseen = |at: usize| {
            let place = Place::array(table.path(), &table.names(&[at])[0]);
            let remedy = "add it to `teacher_columns`, which say what the teachers see";
            DataError::new(FaultKind::Layout, place, "a column that the teacher may see", "one it may not", remedy)
        };
        let seen: HashSet<usize> = self.teacher.iter().copied().collect();
        let place = |at: usize| self.places.get(&at).copied().filter(|at| seen.contains(at)).ok_or_else(|| unseen(at));
        columns.into_iter().map(place).collect()
    }
}

fn folds(texts: &[String], name: &str, path: &Path) -> Result<Vec<u64>, DataError> {
    let fold = |(row, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let found = format!("{text:?} in row {row} of `{name}`");
            let remedy = "number the folds from 0";
            DataError::new(FaultKind::Split, Place::file(path), "a fold number", found, remedy)
        })
    };
    texts.iter().enumerate().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::At;

    fn prepared(task: &str, labels: [&str; 9]) -> Result<(Recipe, Data), DataError> {
        let folder = tempfile::tempdir().unwrap();
        let rows: String =
            labels.iter().enumerate().map(|(row, label)| format!("{row},{},{label}\n", row % 3)).collect();
        std::fs::write(folder.path().join("t.csv"), format!("x,fold,y\n{rows}")).unwrap();
        let text = format!(
            "[data]\nsource = \"t.csv\"\ntask = \"{task}\"\nlabel = \"y\"\nstudent_columns = [\"x\"]\n\
             teacher_columns = [\"x\"]\n[[teacher]]\nkind = \"mlp\"\n"
        );
        let path = folder.path().join("r.toml");
        let recipe = Recipe::parse(&text, &path).unwrap();
        Data::load(&recipe, &recipe.search(&path, None)).map(|data| (recipe, data))
    }

    #[test]
    fn a_row_without_a_label_only_listens_to_the_teachers() {
        let cases = [("classify", "on", "NA", "-1"), ("classify", "0", "1", "-1"), ("regress", "1.5", "-1", "NA")];
        for (task, one, two, none) in cases {
            let labels = [one, "", two, "NaN", two, none, two, one, one];
            let (recipe, prepared) = prepared(task, labels).unwrap();
            let split = prepared.evaluations(&recipe, &[1]).unwrap().remove(0).split;
            // Fold 0 judges, fold 1 chooses, fold 2 teaches; 1, 3 and 5 have no label.
            assert_eq!((split.test, split.tune, split.train.clone()), (vec![0, 6], vec![4, 7], vec![2, 5, 8]));
            assert_eq!(prepared.labelled(&split.train, 1.0, 1), [2, 8]);
        }
    }

    /// Label, fold, group and id are out of reach of the student, of the teachers and of the inputs of a model.
    #[test]
    fn what_tells_the_answer_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..9).map(|row| format!("{row},{row},1,{},p{row},{}\n", row % 3, row % 2)).collect();
        std::fs::write(folder.path().join("t.csv"), format!("name,x0,x1,part,person,y\n{rows}")).unwrap();
        let load = |student: &str, teacher: &str, input: &str| {
            let text = format!(
                "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"{student}\"]\n\
                 teacher_columns = [\"{teacher}\"]\nfold = \"part\"\ngroup = \"person\"\nid = \"name\"\n\
                 [[teacher]]\nkind = \"onnx\"\npath = \"m.onnx\"\ninputs = [{{ columns = [\"{input}\"] }}]\n"
            );
            let path = folder.path().join("r.toml");
            let recipe = Recipe::parse(&text, &path).unwrap();
            Data::load(&recipe, &recipe.search(&path, None))
        };
        for pattern in ["*", "name..y", "x0..y", "x*"] {
            let prepared = load(pattern, pattern, pattern).unwrap();
            assert_eq!((prepared.names.as_slice(), prepared.student), (&["x0".to_owned(), "x1".to_owned()][..], 2));
            assert_eq!((&prepared.teacher[..], &prepared.inputs[0][..]), (&[0, 1][..], &[0, 1][..]));
        }
        let named = [("y", "the label"), ("part", "the fold"), ("person", "the group"), ("name", "the id")];
        for (column, words) in named {
            let routes = [
                ("student_columns", load(column, "*", "*")),
                ("teacher_columns", load("*", column, "*")),
                ("`inputs` of [[teacher]]", load("*", "*", column)),
            ];
            for (key, loaded) in routes {
                let error = loaded.unwrap_err();
                assert_eq!(error.kind(), FaultKind::Leak);
                let text = error.to_string();
                assert!([column, words, key].iter().all(|part| text.contains(part)), "{text}");
            }
        }
    }

    fn loaded(table: &str, keys: &str) -> Result<Data, DataError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.csv"), table).unwrap();
        let text = format!(
            "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\", \"b\"]\nteacher_columns = [\"a\", \"b\"]\n\
             group = \"g\"\nsplit = \"ordered\"\n{keys}[[teacher]]\nkind = \"mlp\"\n"
        );
        let path = folder.path().join("r.toml");
        let recipe = Recipe::parse(&text, &path).unwrap();
        Data::load(&recipe, &recipe.search(&path, None))
    }

    /// A missing cell counts in an input alone, and stops the run unless the recipe says what to do.
    #[test]
    fn missing_cells_are_refused_or_their_rows_dropped() {
        let table = "a;b;unused;g;y\n1,5;x;1;p;u\n;y;1;q;v\n2;x;NA;r;u\n3;?;1;s;v\nNA;y;1;t;v\n4;y;1;u;v\n";
        let error = loaded(table, "").unwrap_err();
        assert_eq!(
            (error.kind(), &error.fault().place.at),
            (FaultKind::Missing, &At::Cell { line: 3, column: "a".into() })
        );
        let text = error.to_string();
        let told = ["one of 2 in 6 rows of `a`", "another column has some too", "missing = \"drop\""];
        assert!(told.iter().all(|part| text.contains(part)), "{text}");
        let data = loaded(table, "missing = \"drop\"\n").unwrap();
        assert_eq!((data.names.join(" "), data.rows(), data.student), ("a b=x b=y".to_owned(), 3, 3));
        let Matrix::Dense(x) = &data.x else { panic!("dense") };
        assert_eq!(x.column(0).to_vec(), [1.5, 2.0, 4.0]);
        assert_eq!(data.groups.unwrap(), ["p", "r", "u"]);
        assert_eq!((data.truth.labels().unwrap(), data.known.len()), (&[0u16, 0, 1][..], 3));
        let said: Vec<String> = data.warnings.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains("`1,5` was read as 1.5")), "{said:?}");
        assert!(said.iter().any(|said| said.contains("left out 3 of 6 rows") && said.contains("2 in `a`, 1 in `b`")));
        let empty = loaded("a,b,g,y\n,x,p,u\n,y,q,v\n", "missing = \"drop\"\n").unwrap_err();
        assert!(empty.to_string().contains("every row has a missing cell"), "{empty}");
    }

    #[test]
    fn numbers_that_leave_some_out_name_classes_in_their_order() {
        let names = |labels: [&str; 9]| prepared("classify", labels).map(|(_, data)| data.truth.names());
        assert_eq!(names(["10", "3", "10", "", "3", "3", "10", "3", "3"]).unwrap(), ["3", "10"]);
        assert_eq!(names(["-1", "1", "1", "-1", "1", "1", "-1", "1", "1"]).unwrap(), ["-1", "1"]);
        // From 0 on without a gap, -1 is a label that is not there.
        assert_eq!(names(["-1", "1", "0", "-1", "1", "0", "-1", "1", "0"]).unwrap(), ["class 0", "class 1"]);
        assert!(names(["7"; 9]).unwrap_err().to_string().contains("at least two classes"));
    }

    #[test]
    fn a_class_without_a_train_row_is_refused() {
        // `three` is seen in fold 0 alone, which judges, teaches or chooses.
        let labels = ["three", "one", "two", "one", "two", "one", "two", "one", "two"];
        let (recipe, prepared) = prepared("classify", labels).unwrap();
        let judged_by = |fold: u64| {
            let mut recipe = recipe.clone();
            recipe.data.folds = vec![fold];
            prepared.evaluations(&recipe, &[1])
        };
        let error = judged_by(0).unwrap_err();
        assert_eq!((error.kind(), &error.fault().place.at), (FaultKind::Split, &At::Class(1)));
        assert!(error.to_string().contains("none of `three` where fold 0 judges"), "{error}");
        assert!(judged_by(1).is_ok() && judged_by(2).is_err());
    }

    /// One group holds a tenth of the rows and all of a class; its share of each part is that of the part.
    #[test]
    fn a_random_split_gives_large_groups_the_chance_of_small_ones() {
        const SEEDS: u64 = 1000;
        let folder = tempfile::tempdir().unwrap();
        let sizes = [16usize, 9, 8, 7, 11, 5, 10, 9, 12, 6, 13, 4, 10, 9, 7, 8, 3, 13];
        let groups = sizes.iter().enumerate().flat_map(|(group, &size)| vec![group; size]);
        let rows: String = groups.map(|group| format!("1,g{group},{}\n", u8::from(group == 0))).collect();
        std::fs::write(folder.path().join("t.csv"), format!("x,g,y\n{rows}")).unwrap();
        let text = "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"x\"]\nteacher_columns = [\"x\"]\n\
                    split = \"random\"\ngroup = \"g\"\n[[teacher]]\nkind = \"mlp\"\n";
        let path = folder.path().join("r.toml");
        let recipe = Recipe::parse(text, &path).unwrap();
        let prepared = Data::load(&recipe, &recipe.search(&path, None)).unwrap();
        let mut found = [0u64; 3];
        for seed in 0..SEEDS {
            let split = prepared.drawn_split(&recipe.data, seed);
            let parts = [&split.train, &split.tune, &split.test];
            assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), 160);
            for (part, found) in parts.into_iter().zip(&mut found) {
                *found += u64::from(part.contains(&0));
                // Groups stay whole.
                assert!((0..16).all(|row| part.contains(&row) == part.contains(&0)));
            }
        }
        for (found, share) in found.into_iter().zip([0.6, 0.2, 0.2]) {
            let error = (share * (1.0 - share) / SEEDS as f64).sqrt();
            let mean = found as f64 / SEEDS as f64;
            assert!((mean - share).abs() < 5.0 * error, "{mean} of the seeds, {share} ± {error} expected");
        }
    }

    #[test]
    fn labels_that_are_nowhere_are_refused() {
        assert!(prepared("classify", [""; 9]).unwrap_err().to_string().contains("a label"));
        let (recipe, prepared) = prepared("regress", ["1", "", "1", "1", "", "1", "1", "", "1"]).unwrap();
        let error = prepared.evaluations(&recipe, &[1]).unwrap_err().to_string();
        assert!(error.contains("rows with a label in train, tune and test"), "{error}");
    }
}
