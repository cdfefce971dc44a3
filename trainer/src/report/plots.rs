//! Training curves as inline SVG: no script, no font file, colours from the page's style sheet.
//!
//! The drawing library writes fixed colours. Each is a key that the page's style sheet maps to a colour and a dash
//! for light and for dark, so that lines differ without colour too.

use super::ReportError;
use super::columns::title;
use super::metrics::Curve;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Serialize;
use std::collections::BTreeMap;

/// Size of a chart in its own units; the page scales it to its column.
const SIZE: (u32, u32) = (480, 280);
/// Most points of a line; a chart has no room for more.
const POINTS: usize = 400;
/// Text, axes and grid: keys of the style sheet like the series' colours.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);

/// How one line looks.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct LineStyle {
    /// Colour on a light page, also the key in the SVG, as `#RRGGBB`.
    light: &'static str,
    /// Colour on a dark page.
    dark: &'static str,
    /// Dash pattern as SVG writes it; `none` for a full line.
    dash: &'static str,
}

/// Styles in the order of the trainings; a run with more starts again. Blue, orange and so on tell apart in the
/// common forms of colour blindness, and the dashes do without colour.
pub(super) const STYLES: [LineStyle; 8] = [
    LineStyle { light: "#0B62A4", dark: "#6DB3F2", dash: "none" },
    LineStyle { light: "#B85000", dark: "#F2A65A", dash: "6 3" },
    LineStyle { light: "#1B7A3D", dark: "#6FCF8E", dash: "2 3" },
    LineStyle { light: "#8E2C8A", dark: "#E394DF", dash: "9 3 2 3" },
    LineStyle { light: "#8A6D00", dark: "#E0C454", dash: "12 4" },
    LineStyle { light: "#B3202C", dark: "#FF8B94", dash: "4 2 1 2" },
    LineStyle { light: "#40565F", dark: "#A9C0CA", dash: "1 2" },
    LineStyle { light: "#006B6B", dark: "#5CD1CF", dash: "10 2 2 2 2 2" },
];

/// One chart, ready for a page.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chart {
    /// What it shows.
    pub title: String,
    /// The same in words, with first, best and last value of each line.
    pub description: String,
    /// SVG elements without the outer tag.
    pub body: String,
    /// Size in the chart's own units.
    pub size: (u32, u32),
}

/// One line of the legend.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LegendEntry {
    name: String,
    style: LineStyle,
}

/// One line to draw.
struct Line<'a> {
    name: &'a str,
    values: &'a [f32],
    style: LineStyle,
}

/// Names of all trainings with their line styles.
pub(super) fn legend(curves: &BTreeMap<String, Curve>) -> Vec<LegendEntry> {
    curves.keys().zip(STYLES.iter().cycle()).map(|(name, &style)| LegendEntry { name: training(name), style }).collect()
}

/// Tune accuracy of all trainings in one chart, then the loss of each in its own: losses of different objectives
/// share no scale.
pub(super) fn charts(curves: &BTreeMap<String, Curve>) -> Result<Vec<Chart>, ReportError> {
    let lines = |pick: fn(&Curve) -> &[f32]| -> Vec<Line<'_>> {
        let styled = curves.iter().zip(STYLES.iter().cycle());
        let lines = styled.map(|((name, curve), &style)| Line { name: name.as_str(), values: pick(curve), style });
        lines.filter(|line| !line.values.is_empty()).collect()
    };
    let mut charts = Vec::new();
    let accuracies = lines(|curve| &curve.tune_accuracy);
    if !accuracies.is_empty() {
        charts.push(chart("Tune accuracy by epoch, per cent".to_owned(), &accuracies)?);
    }
    for line in lines(|curve| &curve.loss) {
        charts.push(chart(format!("Training loss by epoch: {}", training(line.name)), &[line])?);
    }
    Ok(charts)
}

/// Name of a training as people read it; one named like a column reads like it.
fn training(name: &str) -> String {
    match name {
        "student_float" | "student" => "Distilled student".to_owned(),
        other => title(other).replace('_', " "),
    }
}

fn chart(title: String, lines: &[Line<'_>]) -> Result<Chart, ReportError> {
    let mut svg = String::new();
    draw(&mut svg, lines).map_err(|error| ReportError::Plot { chart: title.clone(), reason: error.to_string() })?;
    // The page writes its own outer tag, which scales and carries title and description.
    let body = svg.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map(|(body, _)| body.trim());
    let body = body.unwrap_or_default().to_owned();
    let description = lines.iter().map(describe).collect::<Vec<_>>().join(" ");
    Ok(Chart { title, description, body, size: SIZE })
}

fn describe(line: &Line<'_>) -> String {
    let ends = (line.values.first(), line.values.last());
    let name = training(line.name);
    match ends {
        (Some(first), Some(last)) => {
            let (lo, hi) = bounds(line.values);
            let epochs = line.values.len();
            format!("{name}: {first:.2} at the first epoch, {last:.2} after {epochs}, between {lo:.2} and {hi:.2}.")
        }
        _ => format!("{name}: no epoch."),
    }
}

/// Smallest and largest finite value.
fn bounds(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .filter(|value| value.is_finite())
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &value| (lo.min(value), hi.max(value)))
}

fn draw(svg: &mut String, lines: &[Line<'_>]) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let epochs = lines.iter().map(|line| line.values.len()).max().unwrap_or(1);
    let (lo, hi) = lines
        .iter()
        .map(|line| bounds(line.values))
        .fold((f32::INFINITY, f32::NEG_INFINITY), |all, one| (all.0.min(one.0), all.1.max(one.1)));
    // A line without a finite value, or a flat one, still gets axes.
    let (lo, hi) = if lo.is_finite() && hi.is_finite() { (lo, hi) } else { (0.0, 1.0) };
    let room = ((hi - lo) * 0.05).max(1e-3);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut plot = ChartBuilder::on(&area)
        .margin_top(10)
        .margin_right(18)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(1usize..epochs.max(2), (lo - room)..(hi + room))?;
    let text = ("sans-serif", 16).into_font().color(&INK);
    let decimals = if hi - lo >= 5.0 { 0 } else { 2 };
    plot.configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(text.clone())
        .x_labels(6)
        .y_labels(6)
        .y_label_formatter(&|value| format!("{value:.decimals$}"))
        .draw()?;
    let below = text.pos(Pos::new(HPos::Center, VPos::Bottom));
    area.draw(&Text::new("epoch", (SIZE.0 as i32 / 2 + 17, SIZE.1 as i32 - 4), below))?;
    for line in lines {
        let stride = line.values.len().div_ceil(POINTS).max(1);
        let last = line.values.len().saturating_sub(1);
        let points = line
            .values
            .iter()
            .enumerate()
            .filter(|&(at, value)| value.is_finite() && (at.is_multiple_of(stride) || at == last));
        let stroke = ShapeStyle { color: colour(line.style.light), filled: false, stroke_width: 2 };
        plot.draw_series(LineSeries::new(points.map(|(at, &value)| (at + 1, value)), stroke))?;
    }
    area.present()?;
    drop(plot);
    Ok(())
}

/// The colour a style is keyed by.
fn colour(key: &str) -> RGBAColor {
    let part = |at: usize| key.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    RGBColor(part(1), part(3), part(5)).to_rgba()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(values: &[f32]) -> BTreeMap<String, Curve> {
        BTreeMap::from([("plain_kd".into(), Curve { loss: values.to_vec(), tune_accuracy: values.to_vec() })])
    }

    #[test]
    fn lines_carry_the_keys_of_the_style_sheet() {
        let charts = charts(&curves(&[1.0, 3.0, 2.0])).unwrap();
        assert_eq!(charts.len(), 2);
        assert!(charts[0].body.contains("<polyline") && charts[0].body.contains(STYLES[0].light));
        assert!(charts[0].body.contains("epoch") && !charts[0].body.contains("<svg"));
        assert_eq!(charts[1].description, "Plain KD: 1.00 at the first epoch, 2.00 after 3, between 1.00 and 3.00.");
    }

    #[test]
    fn odd_curves_are_drawn() {
        for values in [&[][..], &[5.0], &[5.0, 5.0], &[f32::NAN, f32::INFINITY], &[1.0, f32::NAN, 2.0]] {
            charts(&curves(values)).unwrap();
        }
        assert!(charts(&BTreeMap::new()).unwrap().is_empty());
    }

    #[test]
    fn long_trainings_are_thinned() {
        let values: Vec<f32> = (0..5000u16).map(f32::from).collect();
        let charts = charts(&curves(&values)).unwrap();
        assert!(charts[0].body.len() < 12_000, "{}", charts[0].body.len());
    }
}
