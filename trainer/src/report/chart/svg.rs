//! Elements of a drawing. What they look like is the style sheet's business: each has a class.

use std::fmt::Write;

/// Elements one after the other, in a drawing that is as wide as all charts.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub(super) body: String,
    pub(super) height: f64,
}

/// A point in the drawing's own units, from its upper left corner.
pub(super) type Point = (f64, f64);

/// Which end of a text stands at its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

impl Drawing {
    pub(super) fn new(height: f64) -> Self {
        Self { body: String::new(), height }
    }

    /// Writing to a string cannot fail.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        self.put(format_args!(
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through all points.
    pub(super) fn path(&mut self, class: &str, points: &[Point]) {
        let mut way = String::new();
        for (x, y) in points {
            let _ = write!(way, "{x:.1},{y:.1} ");
        }
        self.put(format_args!(r#"<polyline class="{class}" points="{}"/>"#, way.trim_end()));
    }

    /// A rectangle; `opacity` is that of its inside, from 0 to 1.
    pub(super) fn rect(&mut self, class: &str, at: Point, size: Point, opacity: f64) {
        self.put(format_args!(
            r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill-opacity="{opacity:.2}"/>"#,
            at.0, at.1, size.0, size.1
        ));
    }

    pub(super) fn circle(&mut self, class: &str, at: Point, radius: f64) {
        self.put(format_args!(r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="{radius:.1}"/>"#, at.0, at.1));
    }

    /// The mark of a role: a disc, a diamond, a ring or a square, so that none needs its colour.
    pub(super) fn mark(&mut self, role: &str, (x, y): Point) {
        match role {
            "teacher" => self.polygon("teacher", &[(x, y - 6.5), (x + 6.5, y), (x, y + 6.5), (x - 6.5, y)]),
            "student" => self.circle("student", (x, y), 5.5),
            "reference" => self.polygon(
                "reference",
                &[(x - 4.5, y - 4.5), (x + 4.5, y - 4.5), (x + 4.5, y + 4.5), (x - 4.5, y + 4.5)],
            ),
            _ => self.circle("control", (x, y), 4.5),
        }
    }

    pub(super) fn polygon(&mut self, class: &str, points: &[Point]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.put(format_args!(r#"<polygon class="{class}" points="{}"/>"#, points.join(" ")));
    }

    pub(super) fn text(&mut self, class: &str, at: Point, anchor: Anchor, text: &str) {
        self.put(format_args!(
            r#"<text class="{class}" x="{:.1}" y="{:.1}" text-anchor="{}">{}</text>"#,
            at.0,
            at.1,
            anchor.name(),
            escape(text)
        ));
    }

    /// Text turned a quarter to the left about its point.
    pub(super) fn upright(&mut self, class: &str, at: Point, anchor: Anchor, text: &str) {
        self.put(format_args!(
            r#"<text class="{class}" transform="translate({:.1} {:.1}) rotate(-90)" text-anchor="{}">{}</text>"#,
            at.0,
            at.1,
            anchor.name(),
            escape(text)
        ));
    }
}

/// Text that is no markup, wherever it stands.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            _ => out.push(c),
        }
    }
    out
}

/// Text of at most `room` characters, the last one an ellipsis where more are left.
pub(super) fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
