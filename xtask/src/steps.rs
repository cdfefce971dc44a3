//! Runs commands one after the other, shows their output and keeps its last lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Number of lines kept from the end of each step.
const KEPT: usize = 400;

/// The outcome of one step.
pub struct Outcome {
    /// What the step checks.
    pub name: &'static str,
    /// The command that repeats it.
    pub repeat: String,
    /// Whether it passed.
    pub passed: bool,
    /// Its last lines.
    pub said: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Runs `command`, showing its output as it comes.
pub fn run(name: &'static str, mut command: Command) -> Outcome {
    let repeat = line(&command);
    println!("\n=== {name}: {repeat}");
    let start = Instant::now();
    let (passed, said) = match command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Err(error) => (false, vec![format!("cannot start: {error}")]),
        Ok(mut child) => {
            let said = show([
                child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
                child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            ]);
            (child.wait().is_ok_and(|status| status.success()), said)
        }
    };
    Outcome { name, repeat, passed, said, seconds: start.elapsed().as_secs_f64() }
}

/// A step that cannot even start.
pub fn impossible(name: &'static str, why: &str) -> Outcome {
    println!("\n=== {name}: {why}");
    Outcome { name, repeat: "cargo xtask setup".into(), passed: false, said: vec![why.into()], seconds: 0.0 }
}

/// Echoes the lines of all streams as they come and returns the last of them.
fn show(streams: [Option<Box<dyn Read + Send>>; 2]) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    for stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            for bytes in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                // The receiver lives until all senders are gone.
                let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
            }
        });
    }
    drop(sender);
    let mut kept = Vec::new();
    for line in receiver {
        // A closed terminal is no reason to stop checking.
        let _ = writeln!(std::io::stdout(), "{line}");
        if kept.len() == 2 * KEPT {
            kept.drain(..KEPT);
        }
        kept.push(line);
    }
    kept
}

/// The command as typed in the root of the repository.
fn line(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.display(), quoted(&value.to_string_lossy())));
        }
    }
    words.push(quoted(&command.get_program().to_string_lossy().replace(env!("CARGO"), "cargo")));
    words.extend(command.get_args().map(|argument| quoted(&argument.to_string_lossy())));
    let words = words.join(" ");
    match command.get_current_dir().filter(|folder| *folder != crate::root()) {
        Some(folder) => format!("(cd {} && {words})", folder.display()),
        None => words,
    }
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("'{word}'") } else { word.into() }
}
