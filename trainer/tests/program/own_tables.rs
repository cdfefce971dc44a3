//! Tables as people have them: what was learnt from one spelling of the rows holds for the others.

use std::fmt::Write;
use std::fs;

use crate::{TABLE, said};

/// Rows whose class follows from the column of words and the sign of `a`, with every decimal in `sign`.
fn rows(delimiter: char, sign: char, count: u32) -> String {
    let mut text = format!("id{delimiter}a{delimiter}color{delimiter}on{delimiter}fold{delimiter}label\r\n");
    for row in 0..count {
        let (color, a) = (["red", "blue"][row as usize % 2], f64::from(row * 37 % 101) / 50.0 - 1.0);
        let label = if color == "red" { "high" } else { "low" };
        let a = format!("{a:.2}").replace('.', &sign.to_string());
        let cells =
            [format!("r{row}"), a, color.into(), (row % 5 == 0).to_string(), (row / 2 % 3).to_string(), label.into()];
        write!(text, "{}\r\n", cells.join(&delimiter.to_string())).unwrap();
    }
    text
}

#[test]
fn a_student_of_words_runs_on_every_spelling_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("table.csv", format!("\u{feff}{}", rows(';', ',', 120)));
    let recipe = TABLE.replace("[\"a\", \"b\"]", "[\"a..on\"]").replace("[\"a..c\"]", "[\"*\"]");
    let recipe = recipe.replace("epochs = 3", "epochs = 60\nlearning_rate = 0.02");
    write("r.toml", recipe);
    let text = said(folder.path(), &["distill", "r.toml", "--out", "out"], 0);
    assert!(text.contains("student 4-8-2") && text.contains("decimal commas in 1 column ("), "{text}");
    // The rows alone: notes name the file.
    let run = |name: &str| {
        let text = said(folder.path(), &["run", "out/student.eyas", "--input", name], 0);
        let rows =
            text.lines().filter(|line| line.starts_with('r') && line[1..].starts_with(|it: char| it.is_ascii_digit()));
        rows.map(|line| format!("{line}\n")).collect::<String>()
    };
    let first = run("table.csv");
    assert!(first.lines().zip(0..).all(|(line, row)| line.contains(["high", "low"][row % 2])), "{first}");
    write("plain.csv", rows(',', '.', 120));
    write("tabs.tsv", rows('\t', '.', 120));
    assert_eq!((run("plain.csv"), run("tabs.tsv")), (first.clone(), first.clone()));
    // Other words, and columns that the student does not know, are nothing to it.
    let few = rows(',', '.', 3).replace("blue", "green").replace(",label", ",what");
    write("few.csv", few);
    assert_eq!(run("few.csv").lines().next(), first.lines().next());
    write("gap.csv", "a,color,on\n1,red,true\n,blue,false\n".to_owned());
    let text = said(folder.path(), &["run", "out/student.eyas", "--input", "gap.csv"], 3);
    assert!(text.contains("gap.csv, line 3, column `a`") && text.contains("missing"), "{text}");
    write("less.csv", "a,on\n1,true\n".to_owned());
    let text = said(folder.path(), &["run", "out/student.eyas", "--input", "less.csv"], 3);
    assert!(text.contains("`color=blue`, which the student takes as input 1"), "{text}");
}
