//! Series measured at several sites, as a table of windows: a row is one site at one time step.
//!
//! | column | content |
//! |---|---|
//! | `c[0]` .. `c[history - 1]` | the site's own readings of `c`, the last one current |
//! | `sites.c[s,0]` .. `sites.c[s,history - 1]` | the readings of site `s`, sites in the order of their names |
//! | `site[s]` | 1 if the row belongs to site `s` |
//! | `site`, `moment` | name of the site and time of the row, as texts |
//! | `ahead.c` | the reading of `c` at this site `ahead` moments later |
//!
//! A gap in a series is filled with the last reading before it, as on a device. The forecast value is never filled: if
//! the `ahead` reading of the label is missing, there is no row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::cells::Cells;
use super::error::{At, DataError, FaultKind, Place, quoted};
use crate::output::counted;

/// Rules for turning series into rows.
#[derive(Debug, Clone, Copy)]
pub struct Windowing<'a> {
    /// Column with the time step, evenly spaced numbers.
    pub time: &'a str,
    /// Column with the name of the site; without it, all rows belong to one site.
    pub site: Option<&'a str>,
    /// Column to forecast.
    pub label: &'a str,
    /// Readings in a window, at least 1.
    pub history: usize,
    /// Time steps from the current reading to the forecast, at least 1.
    pub ahead: usize,
    /// Take a row every this many time steps, at least 1.
    pub every: usize,
    /// Also make rows whose forecast value is missing or yet to come; it is NaN there.
    pub unanswered: bool,
}

/// The readings, and which of them belong to each row and column. Nothing is copied: a window is a position in the
/// series.
#[derive(Debug)]
pub(super) struct Series {
    /// `[site * moments + moment]` of each numeric column, gaps filled.
    readings: Vec<Vec<f32>>,
    names: Vec<String>,
    sites: Vec<String>,
    times: Vec<f64>,
    history: usize,
    /// The forecast value of each row.
    ahead: Vec<f32>,
    label: String,
    /// Moment and site of each row, in the order of time.
    rows: Vec<(usize, usize)>,
}

/// The content of a window column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    Own { column: usize, lag: usize },
    Of { column: usize, site: usize, lag: usize },
    IsSite(usize),
    Ahead,
}

impl Series {
    /// Windows over the `cells` of a file, one list per column of `header`.
    pub(super) fn new(
        path: &Path,
        header: &[String],
        cells: &[Cells],
        windowing: &Windowing<'_>,
    ) -> Result<Self, DataError> {
        let at = |name: &str| {
            header.iter().position(|column| column == name).ok_or_else(|| {
                let found = header.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                let expected = format!("a column {}", quoted(name));
                DataError::new(FaultKind::Layout, Place::file(path), expected, found, "correct [data] of the recipe")
            })
        };
        let time = at(windowing.time)?;
        let label = match at(windowing.label) {
            Err(_) if windowing.unanswered => None,
            found => Some(found?),
        };
        let site = windowing.site.map(at).transpose()?;
        let (times, moments) = moments(path, windowing.time, &cells[time])?;
        let site_of: Vec<&str> = (0..moments.len()).map(|row| site.map_or("", |site| &cells[site][row])).collect();
        let sites: Vec<String> =
            site_of.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>().into_iter().collect();
        let number: BTreeMap<&str, usize> = sites.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let places: Vec<usize> =
            site_of.iter().zip(&moments).map(|(name, moment)| number[name] * times.len() + moment).collect();
        let mut taken = vec![false; sites.len() * times.len()];
        for (row, &place) in places.iter().enumerate() {
            if std::mem::replace(&mut taken[place], true) {
                let found = format!("{} again", quoted(&cells[time][row]));
                let cell = At::Cell { line: row as u64 + 2, column: windowing.time.to_owned() };
                let remedy = "keep one row, or name the column of the site";
                return Err(DataError::new(
                    FaultKind::Duplicate,
                    Place::file(path).at(cell),
                    "a moment once a site",
                    found,
                    remedy,
                ));
            }
        }
        let raw = |column: usize| {
            let mut values = vec![f32::NAN; taken.len()];
            for (&place, cell) in places.iter().zip(cells[column].iter()) {
                values[place] = cell.parse().ok().filter(|value: &f32| value.is_finite()).unwrap_or(f32::NAN);
            }
            values
        };
        let forecast = label.map_or_else(|| vec![f32::NAN; taken.len()], raw);
        let (mut readings, mut names, mut first) = (Vec::new(), Vec::new(), 0);
        for (column, name) in header.iter().enumerate() {
            let mut values = raw(column);
            let known: Option<Vec<usize>> =
                values.chunks(times.len()).map(|series| series.iter().position(|value| !value.is_nan())).collect();
            // A column that is text, or empty at a site, is not numeric.
            let Some(known) = known else { continue };
            first = known.into_iter().fold(first, usize::max);
            for series in values.chunks_mut(times.len()) {
                let mut last = f32::NAN;
                for value in series {
                    last = if value.is_nan() { last } else { *value };
                    *value = last;
                }
            }
            readings.push(values);
            names.push(name.clone());
        }
        let begin = first + windowing.history - 1;
        let ahead_of_all = if windowing.unanswered { 0 } else { windowing.ahead };
        let end = times.len().saturating_sub(ahead_of_all);
        let (mut rows, mut ahead) = (Vec::new(), Vec::new());
        for moment in (begin..end).step_by(windowing.every) {
            for site in 0..sites.len() {
                let later = moment + windowing.ahead;
                let value = if later < times.len() { forecast[site * times.len() + later] } else { f32::NAN };
                if windowing.unanswered || !value.is_nan() {
                    rows.push((moment, site));
                    ahead.push(value);
                }
            }
        }
        if rows.is_empty() {
            let found = format!(
                "{} at {}, none with both",
                counted(times.len(), "moment", "moments"),
                counted(sites.len(), "site", "sites")
            );
            let history = counted(windowing.history, "moment", "moments");
            let expected = format!("readings over {history} and one {} later", windowing.ahead);
            return Err(DataError::new(
                FaultKind::Layout,
                Place::file(path),
                expected,
                found,
                "shorten history or ahead",
            ));
        }
        let (history, label) = (windowing.history, windowing.label.to_owned());
        Ok(Self { readings, names, sites, times, history, ahead, label, rows })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Every column with its name before the brackets and its position in them.
    pub(super) fn columns(&self) -> Vec<(String, Vec<usize>, Reading)> {
        let mut all = Vec::new();
        for (column, name) in self.names.iter().enumerate() {
            all.extend((0..self.history).map(|lag| (name.clone(), vec![lag], Reading::Own { column, lag })));
        }
        for (column, name) in self.names.iter().enumerate() {
            for site in 0..self.sites.len() {
                let reading = |lag| (format!("sites.{name}"), vec![site, lag], Reading::Of { column, site, lag });
                all.extend((0..self.history).map(reading));
            }
        }
        all.extend((0..self.sites.len()).map(|site| ("site".to_owned(), vec![site], Reading::IsSite(site))));
        all.push((format!("ahead.{}", self.label), Vec::new(), Reading::Ahead));
        all
    }

    pub(super) fn value(&self, row: usize, reading: Reading) -> f32 {
        let (moment, own) = self.rows[row];
        let read = |column: usize, site: usize, lag: usize| {
            self.readings[column][site * self.times.len() + moment + 1 + lag - self.history]
        };
        match reading {
            Reading::Own { column, lag } => read(column, own, lag),
            Reading::Of { column, site, lag } => read(column, site, lag),
            Reading::IsSite(site) => f32::from(u8::from(site == own)),
            Reading::Ahead => self.ahead[row],
        }
    }

    /// `site` or `moment` of every row.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        match name {
            "site" => Some(self.rows.iter().map(|&(_, site)| self.sites[site].clone()).collect()),
            "moment" => Some(self.rows.iter().map(|&(moment, _)| self.times[moment].to_string()).collect()),
            _ => None,
        }
    }
}

/// The distinct moments in order, and the index of each row's moment.
fn moments(path: &Path, name: &str, cells: &Cells) -> Result<(Vec<f64>, Vec<usize>), DataError> {
    let refuse = |row: usize, expected: &str, found: String, remedy: &str| {
        let cell = At::Cell { line: row as u64 + 2, column: name.to_owned() };
        DataError::new(FaultKind::Layout, Place::file(path).at(cell), expected, found, remedy)
    };
    let mut values = Vec::with_capacity(cells.len());
    for (row, cell) in cells.iter().enumerate() {
        let value = cell.parse::<f64>().ok().filter(|value| value.is_finite());
        values.push(value.ok_or_else(|| refuse(row, "the moment as a number", quoted(cell), "number the moments"))?);
    }
    let mut times = values.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let step = if times.len() > 1 { times[1] - times[0] } else { 1.0 };
    if let Some(gap) = times.windows(2).position(|pair| ((pair[1] - pair[0]) / step - 1.0).abs() > 1e-6) {
        let row = values.iter().position(|&value| value == times[gap + 1]).unwrap_or(0);
        let found = format!("{} after {}", times[gap + 1], times[gap]);
        let expected = format!("moments {step} apart");
        return Err(refuse(row, &expected, found, "add rows without readings where nothing was measured"));
    }
    let numbers = values.iter().map(|value| times.partition_point(|time| time < value)).collect();
    Ok((times, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::ColumnTable;
    use ndarray::array;
    use std::fs;

    const HEADER: &str = "t,place,q,wind\n";

    fn windows<'a>() -> Windowing<'a> {
        Windowing { time: "t", site: Some("place"), label: "q", history: 2, ahead: 1, every: 1, unanswered: false }
    }

    fn folder(north: &str, south: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.csv"), format!("{HEADER}{north}")).unwrap();
        fs::write(folder.path().join("b.csv"), format!("{HEADER}{south}")).unwrap();
        folder
    }

    fn select(table: &ColumnTable, patterns: &[&str]) -> ndarray::Array2<f32> {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        table.values(&table.select(&patterns).unwrap()).unwrap()
    }

    #[test]
    fn a_row_is_a_site_at_a_moment_and_gaps_hold_the_last_reading() {
        // North lacks q at 2, so the row of moment 1 has no label and the window of moment 2 repeats the reading of 1.
        let north = "0,north,10,NA\n1,north,11,W\n2,north,NA,W\n3,north,13,W\n";
        let south = "0,south,20,E\n1,south,21,E\n2,south,22,E\n3,south,23,E\n";
        let folder = folder(north, south);
        let table = ColumnTable::windows(folder.path(), &windows()).unwrap();
        assert_eq!(table.texts("site").unwrap(), ["south", "north", "south"]);
        assert_eq!(table.texts("moment").unwrap(), ["1", "2", "2"]);
        assert_eq!(select(&table, &["q"]), array![[20.0f32, 21.0], [11.0, 11.0], [21.0, 22.0]]);
        assert_eq!(select(&table, &["sites.q[0, :]"]), array![[10.0f32, 11.0], [11.0, 11.0], [11.0, 11.0]]);
        assert_eq!(
            select(&table, &["site", "ahead.q"]),
            array![[0.0f32, 1.0, 22.0], [1.0, 0.0, 13.0], [0.0, 1.0, 23.0]]
        );
        // Wind is text, so it is not a numeric column.
        assert!(table.select(&["wind".to_owned()]).is_err());
    }

    #[test]
    fn a_row_without_an_answer_is_made_where_it_is_asked_for() {
        let north = "0,north,10,NA\n1,north,11,W\n2,north,NA,W\n3,north,13,W\n";
        let south = "0,south,20,E\n1,south,21,E\n2,south,22,E\n3,south,23,E\n";
        let folder = folder(north, south);
        let all = Windowing { unanswered: true, ..windows() };
        let table = ColumnTable::windows(folder.path(), &all).unwrap();
        assert_eq!(table.texts("moment").unwrap(), ["1", "1", "2", "2", "3", "3"]);
        assert_eq!(table.texts("ahead.q").unwrap(), ["NaN", "22", "13", "23", "NaN", "NaN"]);
        assert_eq!(select(&table, &["q"]).row(4).to_vec(), [11.0, 13.0]);
        // A device that forecasts has no column with the answers.
        let table = ColumnTable::windows(folder.path(), &Windowing { label: "pm", ..all }).unwrap();
        assert_eq!(table.texts("ahead.pm").unwrap(), ["NaN"; 6]);
    }

    /// The past of the forecast value is an input; its future never is.
    #[test]
    fn no_pattern_reaches_the_future() {
        use crate::dataset::{FaultKind, Role, Withheld};
        let folder = folder("0,north,10,1\n1,north,11,2\n2,north,12,3\n", "0,south,20,1\n1,south,21,2\n2,south,22,3\n");
        let mut table = ColumnTable::windows(folder.path(), &windows()).unwrap();
        let withheld = Withheld::all([(Role::Label, Some("ahead.q"))]);
        let mut inputs = |pattern: &str| {
            let columns = table.inputs("student_columns", &[pattern.to_owned()], &withheld)?;
            Ok::<_, DataError>(table.names(&columns))
        };
        assert_eq!(inputs("q").unwrap(), ["q[0]", "q[1]"]);
        let all = inputs("*").unwrap();
        assert!(all.contains(&"q[1]".to_owned()) && !all.contains(&"ahead.q".to_owned()), "{all:?}");
        for pattern in ["ahead.q", "ahead*", "ahead.q..ahead.q"] {
            assert_eq!(inputs(pattern).unwrap_err().kind(), FaultKind::Leak, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_series_is_refused_with_its_place() {
        let sound = "0,south,20,E\n1,south,21,E\n2,south,22,E\n";
        let refused = |north: &str, windowing: &Windowing<'_>| {
            ColumnTable::windows(folder(north, sound).path(), windowing).unwrap_err().to_string()
        };
        assert!(refused("0,north,1,W\n0,north,2,W\n", &windows()).contains("a moment once a site"));
        assert!(refused("0,north,1,W\n1,north,1,W\n5,north,2,W\n", &windows()).contains("moments 1 apart"));
        assert!(refused("noon,north,1,W\n", &windows()).contains("the moment as a number"));
        let north = "0,north,1,W\n1,north,2,W\n2,north,3,W\n";
        assert!(refused(north, &Windowing { label: "pm", ..windows() }).contains("a column `pm`"));
        assert!(refused(north, &Windowing { history: 9, ..windows() }).contains("shorten history"));
    }
}
