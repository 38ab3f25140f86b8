//! Process metrics from the operating system, under the standard names of Prometheus client
//! libraries.
//!
//! They are read on each scrape. The kernel answers from memory, so this does not wait for a
//! disk.

use procfs::process::{LimitValue, Process, Stat};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// A separate registry, because these names have no prefix.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessCollector));
    registry
}

#[derive(Debug)]
struct ProcessCollector;

/// The values read. A value that the system does not provide is omitted.
struct ProcessReading {
    cpu_seconds: Option<f64>,
    start_seconds: Option<f64>,
    virtual_bytes: Option<u64>,
    resident_bytes: Option<u64>,
    open_files: Option<u64>,
    most_files: Option<u64>,
}

impl ProcessReading {
    fn of_this_process() -> Option<Self> {
        let process = Process::myself().ok()?;
        let stat = process.stat().ok();
        let limit = process.limits().ok().map(|limits| limits.max_open_files.soft_limit);
        Some(Self {
            cpu_seconds: stat.as_ref().map(cpu_seconds),
            start_seconds: stat.as_ref().and_then(start_seconds),
            virtual_bytes: stat.as_ref().map(|stat| stat.vsize),
            resident_bytes: stat.as_ref().map(|stat| stat.rss.saturating_mul(procfs::page_size())),
            open_files: process.fd_count().ok().and_then(|count| u64::try_from(count).ok()),
            most_files: match limit {
                Some(LimitValue::Value(limit)) => Some(limit),
                Some(LimitValue::Unlimited) | None => None,
            },
        })
    }
}

fn cpu_seconds(stat: &Stat) -> f64 {
    seconds(stat.utime.saturating_add(stat.stime))
}

/// The start time of the process, by the wall clock.
fn start_seconds(stat: &Stat) -> Option<f64> {
    let booted = procfs::boot_time_secs().ok()?;
    Some(seconds(stat.starttime) + seconds(booted.saturating_mul(procfs::ticks_per_second())))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "years of ticks fit")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / procfs::ticks_per_second() as f64
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(reading) = ProcessReading::of_this_process() else { return Ok(()) };
        if let Some(spent) = reading.cpu_seconds {
            let counter = ConstCounter::new(spent);
            let help = "Processor time that this process has used";
            let name = "process_cpu_seconds";
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        if let Some(began) = reading.start_seconds {
            let gauge = ConstGauge::new(began);
            let help = "When this process began, by this machine's clock";
            let name = "process_start_time_seconds";
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let gauges = [
            ("process_virtual_memory_bytes", "Virtual memory", reading.virtual_bytes),
            ("process_resident_memory_bytes", "Resident memory", reading.resident_bytes),
            ("process_open_fds", "Open file descriptors", reading.open_files),
            ("process_max_fds", "Most file descriptors that it may open", reading.most_files),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value.and_then(|value| i64::try_from(value).ok()) else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::exposition;
    use super::registry;

    #[test]
    fn this_process_is_told_by_the_names_that_dashboards_know() {
        let text = exposition(&registry());
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name}: {text}")).trim().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes ") > 1_000_000.0, "{text}");
        assert!(value("process_virtual_memory_bytes ") >= value("process_resident_memory_bytes "));
        assert!(value("process_open_fds ") >= 3.0 && value("process_max_fds ") >= 3.0, "{text}");
        assert!(value("process_start_time_seconds ") > 1_600_000_000.0, "{text}");
        assert!(value("process_cpu_seconds_total ") >= 0.0, "{text}");
        assert!(text.contains("# TYPE process_cpu_seconds_total counter"), "{text}");
    }
}
