//! One JSON object a line on stdout: progress, the result, or the error.

use std::{
    sync::mpsc::{channel, RecvTimeoutError, Sender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{json, Value};

/// How often a running step reports.
const TICK: Duration = Duration::from_secs(2);

pub fn emit(mut fields: Value, event: &str) {
    fields["event"] = event.into();
    println!("{fields}");
}

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Reports a step while it runs: at its start, every two seconds, and at its end.
pub struct Step {
    stop: Sender<()>,
    ticker: Option<JoinHandle<()>>,
    name: &'static str,
    position: (usize, usize),
    start: Instant,
}

impl Step {
    /// `index` of `total` counts from 1; `expected` is the guess from which the seconds left are told.
    pub fn start(name: &'static str, index: usize, total: usize, expected: f64) -> Step {
        let start = Instant::now();
        let (stop, stopped) = channel();
        report(name, (index, total), 0.0, Some(expected), json!({}));
        let ticker = std::thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let seconds = start.elapsed().as_secs_f64();
                report(name, (index, total), seconds, Some((expected - seconds).max(0.0)), json!({}));
            }
        });
        Step { stop, ticker: Some(ticker), name, position: (index, total), start }
    }

    /// Ends the step; returns its seconds.
    pub fn finish(mut self, detail: Value) -> f64 {
        self.join();
        let seconds = self.start.elapsed().as_secs_f64();
        report(self.name, self.position, seconds, Some(0.0), detail);
        seconds
    }

    fn join(&mut self) {
        if let Some(ticker) = self.ticker.take() {
            let _ = self.stop.send(());
            let _ = ticker.join();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.join();
    }
}

fn report(
    step: &str,
    (index, total): (usize, usize),
    seconds: f64,
    remaining: Option<f64>,
    mut detail: Value,
) {
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    detail["step"] = step.into();
    detail["index"] = index.into();
    detail["total"] = total.into();
    detail["seconds"] = round(seconds).into();
    detail["remaining"] = remaining.map(round).into();
    detail["peak_memory"] = peak_memory().into();
    emit(detail, "progress");
}
