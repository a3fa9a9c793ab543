//! Every workload of a question on every runtime, timed by criterion.

use std::cell::LazyCell;
use std::iter;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use filch_benches::process::allow_descriptors;
use filch_benches::{PeerName, catalogue, workers};

/// The settings of every bench. Few samples and short ones: the whole suite has to end in minutes. For
/// figures to publish, interleaved runs of whole processes are better than longer samples.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args()
}

/// Measures every workload of a question on every runtime in turn. A runtime starts before its samples and stops
/// after them, so that no other has threads meanwhile.
///
/// What criterion sees is the time of a whole run; the throughput says how many operations that was.
pub(crate) fn compare(criterion: &mut Criterion, question: &str) {
    for (case, crew, workload) in catalogue::times_of(question) {
        if let Err(error) = allow_descriptors(workload.descriptors().saturating_add(100)) {
            eprintln!("{question}/{case} is left out: {error}");
            continue;
        }
        let mut group = criterion.benchmark_group(question);
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(workload.operations()));
        for name in PeerName::ALL {
            // Lazily, since a filter on the command line may leave it out; outside, since criterion calls the
            // closure for every sample.
            let peer = LazyCell::new(|| crew.start(*name, workers()));
            group.bench_function(BenchmarkId::new(case, name), |bencher| {
                bencher.iter_custom(|times| {
                    let runs = iter::repeat_with(|| workload.run_on(&peer).elapsed);
                    runs.take(times as usize).sum()
                });
            });
        }
        group.finish();
    }
}
