use super::Histogram;
use snug_turn::{Kind, Sample};
use std::fmt::{Display, Write};

/// A text in Prometheus' exposition format, version 0.0.4.
pub(crate) struct Page {
    text: String,
}

/// The samples of one name.
pub(crate) struct Samples<'a> {
    page: &'a mut Page,
    name: String,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self {
            text: String::with_capacity(8 * 1024),
        }
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str) -> Samples<'_> {
        self.family(name, "counter", help)
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &str) -> Samples<'_> {
        self.family(name, "gauge", help)
    }

    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        let mut samples = self.family(name, "histogram", help);
        let mut count = 0;
        for (bound, below) in histogram.cumulative() {
            let bound = if bound.is_finite() {
                bound.to_string()
            } else {
                "+Inf".to_owned()
            };
            samples.line("_bucket", &[("le", &bound)], below);
            count = below;
        }
        samples.line("_sum", &[], histogram.sum());
        samples.line("_count", &[], count);
    }

    /// What the STUN and TURN server counts.
    pub(crate) fn turn(&mut self, samples: &[Sample]) {
        for samples in samples.chunk_by(|one, other| one.name == other.name) {
            let Some(first) = samples.first() else { continue };
            let kind = match first.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let name = format!("snug_{}", first.name);
            let mut family = self.family(&name, kind, "Of the built-in STUN and TURN server.");
            for sample in samples {
                let labels: Vec<_> = sample.label.into_iter().collect();
                family.line("", &labels, sample.value);
            }
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) -> Samples<'_> {
        self.write(format_args!("# HELP {name} "));
        escape(&mut self.text, help, false);
        self.write(format_args!("\n# TYPE {name} {kind}\n"));
        Samples {
            page: self,
            name: name.to_owned(),
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // A String takes everything.
        self.text.write_fmt(text).ok();
    }
}

impl Samples<'_> {
    pub(crate) fn value(&mut self, value: impl Display) -> &mut Self {
        self.line("", &[], value)
    }

    pub(crate) fn with(&mut self, label: &str, is: &str, value: impl Display) -> &mut Self {
        self.line("", &[(label, is)], value)
    }

    pub(crate) fn with_two(&mut self, one: (&str, &str), two: (&str, &str), value: impl Display) -> &mut Self {
        self.line("", &[one, two], value)
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let name = &self.name;
        self.page.write(format_args!("{name}{suffix}"));
        for (at, (label, is)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            self.page.write(format_args!("{before}{label}=\""));
            escape(&mut self.page.text, is, true);
            self.page.text.push('"');
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.page.write(format_args!("{after} {value}\n"));
        self
    }
}

fn escape(text: &mut String, value: &str, quoted: bool) {
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quoted => text.push_str("\\\""),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_help_labels_and_values_are_written_as_the_format_wants() {
        let mut page = Page::new();
        page.counter("a_total", "A \\ and\na line.")
            .with("label", "a \"b\" \\ \n", 1)
            .value(0.5);
        page.histogram("h", "H.", &Histogram::counts());
        let text = page.finish();
        assert!(
            text.starts_with(
                "# HELP a_total A \\\\ and\\na line.\n# TYPE a_total counter\n\
                 a_total{label=\"a \\\"b\\\" \\\\ \\n\"} 1\na_total 0.5\n# HELP h H.\n# TYPE h histogram\n\
                 h_bucket{le=\"1\"} 0\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("h_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n"),
            "{text}"
        );
    }
}
