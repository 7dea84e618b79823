//! Charts as SVG: lines over seconds, with marks and a shaded stretch. No script, no outside resource.

use std::fmt::Write as _;

/// Width of a chart's drawing, in its own units.
const WIDTH: f64 = 960.0;
/// Room for the numbers of the vertical axis.
const LEFT: f64 = 52.0;
/// Room at the right.
const RIGHT: f64 = 14.0;
/// Room for the names of marks.
const TOP: f64 = 26.0;
/// Room for the numbers of the horizontal axis.
const BOTTOM: f64 = 24.0;
/// Lines of the grid that an axis has at most.
const TICKS_MAX: f64 = 5.0;

/// How values become heights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    /// From zero.
    Linear,
    /// By powers of ten, from this value.
    Logarithmic(f64),
}

/// One line.
pub(super) struct Series {
    /// The class of its colour.
    pub class: &'static str,
    /// Second and value; `None` leaves a gap.
    pub points: Vec<(f64, Option<f64>)>,
    /// Whether what lies under the line is filled.
    pub filled: bool,
}

/// One chart.
pub(super) struct Chart {
    pub height: f64,
    pub scale: Scale,
    pub series: Vec<Series>,
    /// From and to, in seconds.
    pub span: (f64, f64),
    pub marks: Vec<(f64, &'static str)>,
    pub shade: Option<(f64, f64)>,
    /// Says to those who do not see it what it shows.
    pub label: String,
    /// Writes a value of the vertical axis.
    pub format: fn(f64) -> String,
}

impl Chart {
    pub(super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
            self.height, self.label
        );
        let (top, bottom) = self.range();
        self.shading(&mut svg);
        self.grid(&mut svg, bottom, top);
        for series in &self.series {
            self.line(&mut svg, series, bottom, top);
        }
        self.flags(&mut svg);
        svg + "</svg>"
    }

    /// Highest and lowest value that the axis shows.
    fn range(&self) -> (f64, f64) {
        let values = self.series.iter().flat_map(|series| &series.points).filter_map(|(_, value)| *value);
        let most = values.fold(0.0, f64::max);
        match self.scale {
            Scale::Linear => {
                let step = step(most.max(1.0));
                ((most.max(1.0) / step).ceil() * step, 0.0)
            }
            Scale::Logarithmic(least) => (10_f64.powf(most.max(least * 10.0).log10().ceil()), least),
        }
    }

    fn x(&self, second: f64) -> f64 {
        let (from, to) = self.span;
        LEFT + (second - from) / (to - from).max(0.001) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64, bottom: f64, top: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => value / top,
            Scale::Logarithmic(_) => (value.max(bottom) / bottom).log10() / (top / bottom).log10(),
        };
        self.floor() - share * (self.floor() - TOP)
    }

    fn floor(&self) -> f64 {
        self.height - BOTTOM
    }

    fn grid(&self, svg: &mut String, bottom: f64, top: f64) {
        let mut at = Vec::new();
        match self.scale {
            Scale::Linear => {
                let step = step(top);
                let mut value = 0.0;
                while value <= top + step / 1000.0 {
                    at.push(value);
                    value += step;
                }
            }
            Scale::Logarithmic(_) => {
                let mut value = bottom;
                while value <= top * 1.001 {
                    at.push(value);
                    value *= 10.0;
                }
            }
        }
        for value in at {
            let (y, text) = (self.y(value, bottom, top), (self.format)(value));
            let right = WIDTH - RIGHT;
            // Writing to a String cannot fail, here and below.
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        let (from, to) = self.span;
        let step = step(to - from);
        let mut second = (from / step).ceil() * step;
        while second <= to {
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{second:.0} s</text>",
                self.x(second),
                self.height - 6.0
            );
            second += step;
        }
    }

    fn line(&self, svg: &mut String, series: &Series, bottom: f64, top: f64) {
        for stretch in series.points.split(|(_, value)| value.is_none()) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
            let mut path = String::new();
            for (second, value) in stretch {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let y = self.y(value.unwrap_or(0.0), bottom, top);
                let _ = write!(path, "{command}{:.1} {y:.1}", self.x(*second));
            }
            if series.filled {
                let (left, right, floor) = (self.x(first.0), self.x(last.0), self.floor());
                let _ = write!(
                    svg,
                    "<path class=\"area {}\" d=\"{path}L{right:.1} {floor:.1}L{left:.1} {floor:.1}Z\"/>",
                    series.class
                );
            }
            let _ = write!(svg, "<path class=\"line {}\" d=\"{path}\"/>", series.class);
        }
    }

    fn shading(&self, svg: &mut String) {
        if let Some((from, to)) = self.shade {
            let (left, right) = (self.x(from), self.x(to.min(self.span.1)));
            let (width, height) = (right - left, self.floor() - TOP);
            let _ = write!(
                svg,
                "<rect class=\"shade\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            );
        }
    }

    fn flags(&self, svg: &mut String) {
        for (second, name) in &self.marks {
            let (x, floor) = (self.x(*second), self.floor());
            let _ = write!(
                svg,
                "<path class=\"mark\" d=\"M{x:.1} {:.1}V{floor}\"/><text class=\"flag\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                TOP - 8.0,
                TOP - 12.0
            );
        }
    }
}

/// A round distance between the lines of a grid: 1, 2 or 5 times a power of ten.
fn step(most: f64) -> f64 {
    let rough = most / TICKS_MAX;
    let power = 10_f64.powf(rough.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_round_steps() {
        assert_eq!(
            [step(50.0), step(7.0), step(101.0), step(0.4)].map(|s| format!("{s:.1}")),
            ["10.0", "2.0", "50.0", "0.1"]
        );
    }

    #[test]
    fn a_gap_in_the_values_is_a_gap_in_the_line() {
        let points =
            vec![(0.0, Some(1.0)), (1.0, Some(2.0)), (2.0, None), (3.0, Some(1.0)), (4.0, Some(0.0))];
        let chart = Chart {
            height: 100.0,
            scale: Scale::Linear,
            series: vec![Series { class: "a", points, filled: false }],
            span: (0.0, 4.0),
            marks: vec![(2.0, "flip")],
            shade: None,
            label: "test".to_owned(),
            format: |value| format!("{value:.0}"),
        };
        assert_eq!(chart.svg().matches("class=\"line a\"").count(), 2);
    }
}
