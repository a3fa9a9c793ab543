//! What one process measured, and how it tells the one that started it.

use serde_json::{Value, json};

/// One workload, one runtime, one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// In the unit of the workload.
    pub(crate) figure: f64,
    /// Processor nanoseconds per operation, where there are operations.
    pub(crate) cpu: Option<f64>,
    /// How often a thread went to sleep, per operation.
    pub(crate) sleeps: Option<f64>,
    /// Half of the operations took at most so many nanoseconds; all but one in a hundred, so many.
    pub(crate) tail: Option<(f64, f64)>,
}

impl Sample {
    pub(crate) fn to_json(self) -> Value {
        json!({ "figure": self.figure, "cpu": self.cpu, "sleeps": self.sleeps,
            "p50": self.tail.map(|tail| tail.0), "p99": self.tail.map(|tail| tail.1) })
    }

    /// None when something is missing: the child died in the middle of a word, say.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let number = |key| value.get(key).and_then(Value::as_f64);
        Some(Self {
            figure: number("figure")?,
            cpu: number("cpu"),
            sleeps: number("sleeps"),
            tail: number("p50").zip(number("p99")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;
    use serde_json::json;

    #[test]
    fn what_is_told_is_understood() {
        for sample in [
            Sample { figure: 1.5, cpu: Some(3.0), sleeps: Some(0.25), tail: Some((1.0, 9.0)) },
            Sample { figure: 64.0, cpu: None, sleeps: None, tail: None },
        ] {
            assert_eq!(Sample::from_json(&sample.to_json()), Some(sample));
        }
        assert_eq!(Sample::from_json(&json!({ "cpu": 1 })), None);
    }
}
